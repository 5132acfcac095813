_, b = [1, 2]
_, _, c = [1, 2, 3]
d = 4
print(b, c, d)
n = 0
for _ in range(3): n += 1
print(n)
print([9 for _ in range(2)])
second = lambda _, y: y
print(second(1, 2))
match 7:
    case _: print("any")
