add = lambda x, y: x + y
def twice(x):
    y = x + x
    return y
def long(x):
    if x < 0: return "negative"
    return x * 10
none = lambda: "none"
short = lambda x: x
print(add(1, 2), twice("ab"), long(-1), long(2), none(), short(3))
print([x * x for x in [1, 2, 3]], [x for x in [1, 2, 3] if x % 2 == 1])
print((lambda x: x + 1)(4), (lambda a: a)(5))
compose = lambda f, g: lambda x: g(f(x))
print(compose(lambda x: x + 1, lambda x: x * 2)(3))
fs = {"inc": lambda n: n + 1, "list": [lambda n: n * 100]}
print(fs["inc"](1), fs["inc"](2), fs["list"][0](3))
print(sorted(["b", "C", "a"], key=lambda s: s.lower()))
