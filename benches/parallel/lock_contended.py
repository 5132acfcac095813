import multiprocessing, time
def times(l, n):
    for _ in range(n): l.acquire(); l.release()
if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    l, n = multiprocessing.Lock(), 100_000
    start = time.perf_counter()
    ps = [multiprocessing.Process(target=times, args=(l, n)) for _ in range(2)]
    for p in ps: p.start()
    for p in ps: p.join()
    print((time.perf_counter() - start) / (2 * n))
