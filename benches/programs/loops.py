import sys

n = int(sys.argv[1]) if len(sys.argv) > 1 else 2800


def grid(n):
    total = 0
    for i in range(n):
        for j in range(n):
            if (i ^ j) & 1 == 0:
                total += i * j % 7
            else:
                total -= 3
    return total


def collatz(limit):
    longest = 0
    for start in range(1, limit):
        k = start
        steps = 0
        while k != 1:
            k = k // 2 if k % 2 == 0 else 3 * k + 1
            steps += 1
        if steps > longest:
            longest = steps
    return longest


print(grid(n), collatz(n * 10))
