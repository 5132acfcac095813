import sys

n = int(sys.argv[1]) if len(sys.argv) > 1 else 2000


def adder(k):
    return lambda x: x + k


def compose(f, g):
    return lambda x: g(f(x))


def apply(f, xs):
    return [f(x) for x in xs]


def work(n):
    xs = list(range(1000))
    total = 0
    for round in range(n):
        step = compose(adder(round), lambda x: x * 3 % 1009)
        ys = list(filter(lambda y: y % 2 == 0, map(step, xs)))
        total += sum(apply(adder(-round), ys))
        if any(y > 1_000_000 for y in ys):
            total = 0
    return total


print(work(n))
