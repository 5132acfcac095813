m = {"a": 1, "b": 2, "c": 3}
print({k: v for k, v in m.items()})
print({v: k for k, v in m.items() if v != 2})
print({k + "!": v * 10 for k, v in m.items()})
print({n: [d for d in range(1, n) if n % d == 0] for n in [6, 7]})
print({x % 3: x for x in range(7)})
print("{" + ", ".join(f"{[a, b]}: {a * b}" for a in [1, 2] for b in [3]) + "}")
key = "fixed"
print({key: x for x in [1, 2]})
