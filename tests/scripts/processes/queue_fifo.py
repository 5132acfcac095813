from multiprocessing import get_context
ctx = get_context("fork")
q = ctx.Queue()
def produce(who):
    for i in range(500): q.put([who, i])
ps = [ctx.Process(target=produce, args=(w,)) for w in range(4)]
for p in ps: p.start()
next = [0, 0, 0, 0]
wrong = 0
for _ in range(2000):
    who, i = q.get()
    if next[who] != i: wrong += 1
    next[who] = i + 1
for p in ps: p.join()
print(next, wrong, str(q.empty()).lower())
