def f(v):
    match v:
        case None | True | False: return "constant"
        case 1 | 2 | 3: return "small"
        case "a" | "b": return "letter"
        case [1, x] | [x, 1]: return f"one and {x}"
        case {"a": n} | {"b": n}: return f"a or b is {n}"
        case ["x" | "y", _]: return "xy"
        case _: return "other"
for v in [1, 3, 4, "b", [1, 5], [6, 1], {"b": 2, "c": 3}, ["y", 0], ["z", 0], None, False]: print(f(v))
