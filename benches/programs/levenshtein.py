import sys

n = int(sys.argv[1]) if len(sys.argv) > 1 else 1800


def text(n, seed):
    return "".join("abcdefghij"[(i * i + seed * i + seed) % 10] for i in range(n))


def distance(a, b):
    previous = list(range(len(b) + 1))
    for i, x in enumerate(a):
        current = [i + 1]
        for j, y in enumerate(b):
            if x == y:
                current.append(previous[j])
            else:
                current.append(1 + min(previous[j], previous[j + 1], current[j]))
        previous = current
    return previous[-1]


print(distance(text(n, 3), text(n, 7)))
