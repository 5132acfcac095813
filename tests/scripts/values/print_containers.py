import builtins
def print(*xs):
    text = " ".join(str(x) for x in xs)
    builtins.print(text.replace("True", "true").replace("False", "false").replace("None", "null"))
print(["hi", 1.0, None, True, {"a": 1}])
print({"name": "Ann", "xs": [1, 2.5, -0.0], "inner": {"b": False}})
print([], {}, [[]], [{}], {"a": []}, [[["x"]]])
print(["it's", 'say "hi"', 'both \' and "', "a\\b", "new\nline", "tab\t"])
print({"a b": "c d", "it's": 'x"y'})
print([b"x'y", 1e22, 10 ** 20, -5])
print(["é", "😀", "日本"])
