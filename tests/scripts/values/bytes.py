import builtins
def print(*xs):
    text = " ".join(str(x) for x in xs)
    builtins.print(text.replace("True", "true").replace("False", "false").replace("None", "null"))
b = b"a\x00\xff\n"
print(b, len(b), b[0], b[-1], b[1:3])
print(b"it's", b'"', b"\t\r\\", b"\x7f\x80 ~")
print(b"ab" + b"cd", b"ab" * 2, 2 * b"-", b"" == b"", b"a" == b"b")
print([x for x in b"AB"], 97 in b"abc", b"bc" in b"abc", b"a" < b"b")
print([b"x", {"k": b"y"}], b"A"[0] == 65)
