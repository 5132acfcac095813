print("before", flush=True)
input()
m = {f"key {i:07}": f"value {i:07}" for i in range(2_000_000)}
print("full", flush=True)
input()
m = {}
print("after", flush=True)
input()
