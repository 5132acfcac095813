from multiprocessing import get_context
ctx = get_context("fork")
lock = ctx.Lock()
def pair(who):
    for i in range(20):
        with lock:
            print(who, i, end=" ")
            print("and", end=" ")
            print(who, i, flush=True)
ps = [ctx.Process(target=pair, args=(w,)) for w in "abcd"]
for p in ps: p.start()
for p in ps: p.join()
