print("before", flush=True)
input()
m = {i * 7: i for i in range(1_000_000)}
print("after", flush=True)
input()
