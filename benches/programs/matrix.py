import sys

n = int(sys.argv[1]) if len(sys.argv) > 1 else 220


def make(n, seed):
    return [[seed * (i - j) * (i + j) / n for j in range(n)] for i in range(n)]


def multiply(a, b):
    size = len(b[0])
    c = []
    for row in a:
        line = [0.0] * size
        for k, x in enumerate(row):
            other = b[k]
            for j in range(size):
                line[j] += x * other[j]
        c.append(line)
    return c


c = multiply(make(n, 0.5), make(n, 0.25))
print(f"{c[n // 2][n // 2]:.6f} {c[1][n - 1]:.6f} {c[n - 1][2]:.6f}")
