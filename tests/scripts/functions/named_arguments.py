def scale(x, by=2, plus=0): return [x, by, plus]
print(scale(4, by=10))
print(scale(4, plus=1))
print(scale(plus=3, by=2, x=1))
def two(a, b): return a - b
print(two(b=1, a=10))
f = lambda a, b: a - b
print(f(b=1, a=5))
def said(v):
    print("arg", v)
    return v
print(two(b=said(2), a=said(9)))
