import math
limit = 10
table = {"a": [1, 2]}
def top(): return limit + table["a"][1]
def make(n):
    k = n * 100
    def inner(x):
        def innermost(): return k + n + x + limit
        return innermost()
    return inner
f = make(1)
g = make(2)
print(top(), f(5), g(5))
def twice(h): return lambda x: h(h(x))
print(twice(f)(0))
for i in range(2):
    def of_loop(): return i * limit
    print(of_loop())
print(math.sqrt(16))
