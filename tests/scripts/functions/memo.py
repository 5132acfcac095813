from functools import cache
@cache
def slow(a, b=0):
    print("computed", a, b)
    return a * 10 + b
print(slow(1))
print(slow(1))
print(slow(2, 1))
print(slow(2, 1))
print([slow(1) for _ in range(3)])
