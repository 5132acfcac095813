print("before", flush=True)
input()
m = {f"key {i:07}": i for i in range(1_000_000)}
print("after", flush=True)
input()
