words = ["pear", "fig", "apple", "kiwi", "date"]
print(sorted(words, key=len), sorted(words, key=len, reverse=True))
print("true", sorted(words, reverse=True))
print(min(words, key=len), max(words, key=lambda w: w[-1]), max(words, key=len), max(words, key=len))
xs = [3, -1, 2, -3]
xs.sort(key=abs)
print(xs)
xs.sort(reverse=True)
print(xs)
xs.sort()
print(xs)
