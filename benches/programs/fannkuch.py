import sys

n = int(sys.argv[1]) if len(sys.argv) > 1 else 9


def fannkuch(n):
    order = list(range(n))
    count = [0] * n
    checksum = most = 0
    even = True
    r = n
    while True:
        while r > 1:
            count[r - 1] = r
            r -= 1
        first = order[0]
        if first:
            stack = order[:]
            flips = 0
            while first:
                stack[: first + 1] = stack[first::-1]
                flips += 1
                first = stack[0]
            if flips > most:
                most = flips
            checksum += flips if even else -flips
        while True:
            if r == n:
                return checksum, most
            order.insert(r, order.pop(0))
            count[r] -= 1
            if count[r] > 0:
                break
            r += 1
        even = not even


checksum, most = fannkuch(n)
print(checksum)
print(f"Pfannkuchen({n}) = {most}")
