def scale(x, by=2, plus=0): return x * by + plus
print(scale(4), scale(4, 10), scale(4, 10, 1))
def fresh(x, xs=None):
    return (xs or []) + [x]
print(fresh(1), fresh(2), fresh(3, [0]))
def make():
    print("made")
    return []
def lazy(xs=None):
    if xs is None: xs = make()
    return len(xs)
print("defined")
print(lazy([1]))
print(lazy())
print(lazy())
