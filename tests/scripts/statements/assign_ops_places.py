xs = [10, 20, 30]
xs[0] += 1
xs[-1] *= 2
xs[1] //= 3
xs[1] **= 2
print(xs)
m = {"n": 1, "two words": 8, "inner": {"xs": [5, 6]}}
m["n"] -= 4
m["two words"] /= 2
m["inner"]["xs"][1] %= 4
m["inner"]["xs"][0] <<= 3
print(m)
