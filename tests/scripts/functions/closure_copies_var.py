from copy import deepcopy
n = 1
log = ["start"]
def f(n=n, log=deepcopy(log)): return [n, log]
n = 2
log.append("later")
print(f(), n, log)
def make():
    k = 10
    first = lambda x, k=k: x + k
    k += 1
    second = lambda x, k=k: x + k
    k = 1000
    return [first(0), second(0), k]
print(make())
fs = []
i = 0
while i < 3:
    fs.append(lambda x, i=i: x * i)
    i += 1
print([f(10) for f in fs])
total = 5
outer = lambda x, total=total: lambda y: x + y + total
inner = outer(1)
total = 0
print(inner(1), outer(1)(1))
