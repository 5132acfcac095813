def ev(e):
    match e:
        case int(): return e
        case ["add", a, b]: return ev(a) + ev(b)
        case ["mul", a, b]: return ev(a) * ev(b)
        case ["neg", {"value": [x]}]: return -ev(x)
        case ["sum", *xs]: return sum(ev(x) for x in xs)
        case {"bind": [str(name), v], "body": ["use", n]} if n == name: return ev(v)
        case [[[deep, *_], *_], *_]: return ev(deep) * 1000
        case _: return "?"
print(ev(["add", 1, ["mul", 2, ["add", 3, 4]]]))
print(ev(["neg", {"value": [["sum", 1, 2, 3]]}]))
print(ev({"bind": ["x", 9], "body": ["use", "x"]}), ev({"bind": ["x", 9], "body": ["use", "y"]}))
print(ev([[[5, 6], 7], 8]), ev(["sum"]), ev(["add", 1]))
