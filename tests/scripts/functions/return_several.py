def divide(a, b): return [a // b, a % b]
q, r = divide(17, 5)
print(q, r, divide(9, 4))
def minmax(xs):
    for x in xs:
        if x < 0: return [-1, -1]
    return [min(xs), max(xs)]
print(minmax([3, 1, 2]), minmax([1, -2]))
