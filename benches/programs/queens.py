import sys

n = int(sys.argv[1]) if len(sys.argv) > 1 else 11


def safe(placed, column):
    row = len(placed)
    for r, c in enumerate(placed):
        if c == column or abs(c - column) == row - r:
            return False
    return True


def solutions(n, placed):
    if len(placed) == n:
        return 1
    found = 0
    for column in range(n):
        if safe(placed, column):
            found += solutions(n, placed + [column])
    return found


print(solutions(n, []))
