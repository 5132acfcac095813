xs = [3, -1, 4, 0]
ys = [10, 20]
print([x ** 2 for x in xs if x > 0])
print([a + b for a in xs for b in ys])
print([[a, b] for a in range(4) if a % 2 == 0 for b in range(a) if b != 1])
print([x for x in range(20) if x % 2 == 0 if x % 3 == 0])
print([[r * c for c in range(1, 4)] for r in range(1, 4)])
print([y for row in [[1, 2], [3], []] for y in row])
print([i * x for i, x in enumerate(xs)])
print([c for c in "añb"])
print([k + str(v) for k, v in {"a": 1, "b": 2}.items()])
print([x for x in []])
