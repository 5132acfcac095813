s = "naïve 😀 日本"
print(len(s), s[2], s[6], s[-1], s[8:])
print(s[2:5], s[:-3], [s[-4:-2]])
print(len("é"), len("e\u0301"), len("😀"), len("👩‍👧"))
print([c for c in "aé😀"])
print("日本語"[::-1], "aé😀".find("😀"))
