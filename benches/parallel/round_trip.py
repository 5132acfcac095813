import multiprocessing, time
def echo(end):
    while (x := end.recv()) is not None: end.send(x)
def ask(end, n):
    for i in range(n): end.send(i); end.recv()
if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    here, there = multiprocessing.Pipe()
    p = multiprocessing.Process(target=echo, args=(there,)); p.start()
    ask(here, 500)
    start = time.perf_counter(); ask(here, 10_000)
    print((time.perf_counter() - start) / 10_000)
    here.send(None); p.join()
