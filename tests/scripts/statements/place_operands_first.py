from copy import deepcopy
xs = [2, 0, 1]
xs[xs[0]] = xs[1] + 10
print(xs)
xs[0] = deepcopy(xs)
print(xs)
xs.append(len(xs))
xs[len(xs) - 1] += xs[1]
print(xs)
m = {"n": 1}
m["copy"] = deepcopy(m)
m["copy"]["n"] = 2
print(m)
