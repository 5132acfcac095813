import sys

n = int(sys.argv[1]) if len(sys.argv) > 1 else 220


def make(n, seed):
    return [[seed * (i - j) * (i + j) / n for j in range(n)] for i in range(n)]


def multiply(a, b):
    columns = list(zip(*b))
    return [[sum(x * y for x, y in zip(row, column)) for column in columns] for row in a]


c = multiply(make(n, 0.5), make(n, 0.25))
print(f"{c[n // 2][n // 2]:.6f} {c[1][n - 1]:.6f} {c[n - 1][2]:.6f}")
