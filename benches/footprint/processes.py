import multiprocessing, time
def nap(ready): ready.release(); time.sleep(3600)
multiprocessing.set_start_method("fork")
print("before", flush=True)
input()
ready = multiprocessing.Semaphore(0)
ps = [multiprocessing.Process(target=nap, args=(ready,), daemon=True) for _ in range(1000)]
for p in ps: p.start()
for p in ps: ready.acquire()
print("after", flush=True)
input()
