a, b = [1, 2]
print(a, b)
c, d, e = 3, 4, 5
print(c, d, e)
[f, g] = ["x", [1]]
print(f, g)
h, i = 8, 9
h += i
i = h
print(h, i)
pair = [1, 2]
print(pair)
