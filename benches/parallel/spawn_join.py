import multiprocessing, time
def nothing(): pass
def times(n):
    for _ in range(n):
        p = multiprocessing.Process(target=nothing); p.start(); p.join()
if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    times(20)
    start = time.perf_counter(); times(200)
    print((time.perf_counter() - start) / 200)
