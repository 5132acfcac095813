print("before", flush=True)
input()
xs = [i * 7 for i in range(1_000_000)]
print("after", flush=True)
input()
