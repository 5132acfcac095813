import multiprocessing
multiprocessing.Queue()
print("before", flush=True)
input()
q = multiprocessing.Queue()
for i in range(1_000_000): q.put(f"{i:0100}")
print("after", flush=True)
input()
q.cancel_join_thread()
