print("a\nb\n".splitlines(), "a\n\nb".splitlines(), "".splitlines(), "\n".splitlines(), "a\r\nb".splitlines(), "one".splitlines())
print(list("héé😀"), list(""), list("a b"))
