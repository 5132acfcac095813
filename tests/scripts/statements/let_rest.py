xs = [1, 2, 3, 4, 5]
first, *rest = xs
print(first, rest)
*init, last = xs
print(init, last)
a, *middle, y, z = xs
print(a, middle, y, z)
p, q, *none, r, s, t = xs
print(p, q, none, r, s, t)
print(xs[0])
print(xs[-1])
u, *v = xs
print(u, v)
