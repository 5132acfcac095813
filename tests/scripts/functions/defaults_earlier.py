unit = 10
def area(w, h=None, scale=None):
    h = w if h is None else h
    scale = w * h + unit if scale is None else scale
    return [w, h, scale]
print(area(2), area(2, 3), area(2, 3, 0), area(2, scale=1))
def f(a, b=None, c=None):
    b = a + 1 if b is None else b
    return [a, b] if c is None else c
print(f(1), f(1, 5), f(1, c="c"))
def outer(n):
    def inner(x=n * 2): return x
    return inner() + inner(1)
print(outer(5))
