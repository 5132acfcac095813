# Two hundred: each takes three descriptors.
import multiprocessing
multiprocessing.Queue()
print("before", flush=True)
input()
qs = [multiprocessing.Queue() for _ in range(200)]
print("after", flush=True)
input()
