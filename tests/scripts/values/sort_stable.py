pairs = [[1, "a"], [0, "b"], [1, "c"], [0, "d"], [1, "e"]]
print(sorted(pairs, key=lambda p: p[0]))
print(sorted(pairs, key=lambda p: p[0], reverse=True))
print(sorted([1, 1.0, 0, 1]), sorted([2.0, 2, 1]), sorted([2, 2.0, 1], reverse=True))
