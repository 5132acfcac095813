xs = ["a", "b"]
for i, x in enumerate(xs): print(i, x)
for i, x in enumerate(xs): print(i, x)
for k, v in {"one": 1, "two": [2]}.items(): print(k, v)
for a, b in zip(xs, [10, 20]): print(a, b)
for a, b, c in [[1, 2, 3], [4, 5, 6]]: print(a + b + c)
for k, _ in {"z": 1, "y": 2}.items(): print(k)
for i, c in enumerate("hé"): print(i, c)
