from copy import deepcopy
xs = [1, 2, 3]
for x in list(xs): xs.append(x * 10)
print(xs)
m = {"a": 1, "b": 2}
for k, v in dict(m).items():
    m[k + k] = v
    if "b" in m: del m["b"]
print(m)
rows = [[1], [2]]
for r in deepcopy(rows): r.append(0)
print(rows)
for i in range(len(rows)): rows[i].append(0)
print(rows)
