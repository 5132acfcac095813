print("before", flush=True)
input()
xs = [f"{i:020}" for i in range(1_000_000)]
print("after", flush=True)
input()
