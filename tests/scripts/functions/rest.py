def scale(x, by=2, *more): return [x * by, list(more)]
print(scale(1), scale(1, 3), scale(1, 3, 5, 6))
def all_of(*xs): return list(xs)
print(all_of(), all_of(1), all_of([1, 2], 3))
g = lambda first, *others: len(others) * first
print(g(10), g(10, "a", "b"))
h = lambda *xs: sum(xs)
print(h(1, 2, 3))
