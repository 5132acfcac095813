import sys

sys.setrecursionlimit(1_000_000)
n = int(sys.argv[1]) if len(sys.argv) > 1 else 9


def ackermann(m, n):
    if m == 0:
        return n + 1
    if n == 0:
        return ackermann(m - 1, 1)
    return ackermann(m - 1, ackermann(m, n - 1))


print(ackermann(3, n))
