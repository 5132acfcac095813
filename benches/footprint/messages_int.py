import multiprocessing
multiprocessing.Queue()
print("before", flush=True)
input()
q = multiprocessing.Queue()
for i in range(1_000_000): q.put(i)
print("after", flush=True)
input()
q.cancel_join_thread()
