import array
print("before", flush=True)
input()
xs = array.array("d", [1.5]) * 1_000_000
print("after", flush=True)
input()
