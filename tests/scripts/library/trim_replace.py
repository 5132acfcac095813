print(["  a b\n".strip(), "\t x".lstrip(), "x \n".rstrip(), "".strip(), " \n".strip(), "a".strip()])
print("banana".replace("a", "o"), "banana".replace("an", ""), "abc".replace("x", "y"), "aaa".replace("aa", "b"), "ab".replace("", "-"))
print(["\u00a0é ".strip()])
