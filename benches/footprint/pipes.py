# Two hundred: each takes two descriptors.
import multiprocessing
multiprocessing.Pipe()
print("before", flush=True)
input()
ps = [multiprocessing.Pipe() for _ in range(200)]
print("after", flush=True)
input()
