import multiprocessing, sys, time
N, PRODUCERS, CONSUMERS = 100_000, 1, 1
def produce(q, n):
    for i in range(n): q.put(i)
def consume(q, n):
    for _ in range(n): q.get()
if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    q = multiprocessing.Queue(int(sys.argv[1]))
    start = time.perf_counter()
    several = multiprocessing.Process
    makers = [several(target=produce, args=(q, N // PRODUCERS)) for _ in range(PRODUCERS)]
    takers = [several(target=consume, args=(q, N // CONSUMERS)) for _ in range(CONSUMERS)]
    for p in makers + takers: p.start()
    for p in makers + takers: p.join()
    print((time.perf_counter() - start) / N)
