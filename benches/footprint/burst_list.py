print("before", flush=True)
input()
xs = [i * 7 for i in range(20_000_000)]
print("full", flush=True)
input()
xs = []
print("after", flush=True)
input()
