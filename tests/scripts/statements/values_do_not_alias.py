from copy import deepcopy as c
a = [1, 2]
b = c(a)
b.append(3)
a[0] = 9
print(a, b)
inner = {"xs": [1]}
outer = [c(inner), c(inner)]
outer[0]["xs"].append(2)
print(inner, outer)
inner["xs"][0] = 7
print(inner, outer)
m = {"rows": [{"cells": [0, 0]}]}
copy = c(m)
copy["rows"][0]["cells"][1] = 5
m["rows"].append("only m")
print(m)
print(copy)
row = [0, 0]
grid = [c(row), c(row), c(row)]
grid[1][1] = 1
row[0] = 8
print(grid, row)
