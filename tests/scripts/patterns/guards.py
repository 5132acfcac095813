def f(v):
    match v:
        case int() if v < 0: return "negative"
        case n if n == 0: return "zero"
        case [a, b] if a > b: return "down"
        case [a, b] if a < b: return "up"
        case "x" | "y" if False: return "never"
        case {"n": n} if n % 2 == 0: return "even"
        case _ if v == "z": return "z"
        case _: return "other"
for v in [-1, 0, 1, [2, 1], [1, 2], [1, 1], "x", {"n": 2}, {"n": 3}, "z"]: print(f(v))
print("type")
