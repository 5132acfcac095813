print("after", flush=True)
input()
