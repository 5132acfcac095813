a, b, c = 1, 2, 3
a, b = b, a
print(a, b)
a, b, c = c, a, b
print(a, b, c)
xs = [1, 2, 3]
xs[0], xs[2] = xs[2], xs[0]
print(xs)
m = {"x": 1, "y": 2}
m["x"], m["y"] = m["y"], m["x"]
print(m)
f0, f1 = 0, 1
for _ in range(10): f0, f1 = f1, f0 + f1
print(f0)
i = 0
i, xs[i] = 2, 99
print(i, xs)
