import sys

n = int(sys.argv[1]) if len(sys.argv) > 1 else 500_000


def numbers(n):
    xs = []
    seed = 7
    for _ in range(n):
        seed = (seed * 1103515245 + 12345) % 2147483648
        xs.append(seed // 8)
    return xs


xs = numbers(n)
ascending = sorted(xs)
falling = sorted(xs, reverse=True)
names = sorted([f"n{x}" for x in xs])
fractions = sorted([x / 7 for x in xs])
almost = ascending[:]
almost[0], almost[n // 2] = almost[n // 2], almost[0]
almost.sort()
print(ascending[0], ascending[n // 2], ascending[-1], falling[0], falling[n // 2], falling[-1])
print(names[0], names[n // 2], names[-1])
print(f"{fractions[0]:.3f} {fractions[n // 2]:.3f} {fractions[-1]:.3f}", "true" if almost == ascending else "false")
