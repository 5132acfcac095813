import sys

n = int(sys.argv[1]) if len(sys.argv) > 1 else 150_000


def numbers(n):
    xs = []
    seed = 99
    for _ in range(n):
        seed = (seed * 1103515245 + 12345) % 2147483648
        xs.append(seed // 8)
    return xs


def heap_sort(xs):
    end = len(xs)
    start = end // 2
    while end > 1:
        if start > 0:
            start -= 1
        else:
            end -= 1
            xs[end], xs[0] = xs[0], xs[end]
        root = start
        while 2 * root + 1 < end:
            child = 2 * root + 1
            if child + 1 < end and xs[child] < xs[child + 1]:
                child += 1
            if xs[root] >= xs[child]:
                break
            xs[root], xs[child] = xs[child], xs[root]
            root = child


xs = numbers(n)
heap_sort(xs)
print(xs[0], xs[n // 2], xs[-1])
