import multiprocessing
def dirty():
    for line in open("/proc/self/smaps_rollup"):
        if line.startswith("Private_Dirty:"): return int(line.split()[1]) * 1024
def read(xs, q):
    before = dirty(); total = 0
    for x in xs: total += len(x)
    q.put(dirty() - before)
if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    xs = [f"name {i}" for i in range(1_000_000)]
    q = multiprocessing.SimpleQueue()
    p = multiprocessing.Process(target=read, args=(xs, q)); p.start(); print(q.get()); p.join()
