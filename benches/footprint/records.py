print("before", flush=True)
input()
xs = [{"id": i, "name": f"name {i}", "done": False} for i in range(100_000)]
print("after", flush=True)
input()
