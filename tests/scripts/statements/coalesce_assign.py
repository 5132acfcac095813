def loud(v):
    print("made", v)
    return v
n = None
if n is None: n = loud(5)
if n is None: n = loud(6)
print(n)
zero = 0
if zero is None: zero = loud(7)
print(zero)
m = {"a": 1, "b": None}
for k, v in (("a", 10), ("b", 20), ("c", 30), ("d", 40), ("d", 50)):
    if m.get(k) is None: m[k] = loud(v)
print(m)
groups = {}
for w in ["ape", "bee", "ant", "bat"]:
    groups.setdefault(w[0], []).append(w)
print(groups)
