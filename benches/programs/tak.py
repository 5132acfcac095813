import sys

n = int(sys.argv[1]) if len(sys.argv) > 1 else 9


def tak(x, y, z):
    if y >= x:
        return z
    return tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y))


print(tak(3 * n, 2 * n, n))
