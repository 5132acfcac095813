import multiprocessing, time
def echo(end):
    while (x := end.recv()) is not None: end.send(len(x))
def give(end, n):
    for _ in range(n): end.send(b"x" * (1 << 20)); end.recv()
if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    here, there = multiprocessing.Pipe()
    p = multiprocessing.Process(target=echo, args=(there,)); p.start()
    give(here, 20)
    start = time.perf_counter(); give(here, 300)
    print((time.perf_counter() - start) / 300)
    here.send(None); p.join()
