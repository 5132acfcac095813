import sys

n = int(sys.argv[1]) if len(sys.argv) > 1 else 150_000


def numbers(n):
    xs = []
    seed = 7
    for _ in range(n):
        seed = (seed * 1103515245 + 12345) % 2147483648
        xs.append(seed // 8)
    return xs


xs = numbers(n)
ascending = sorted(xs)
names = sorted([f"n{x}" for x in xs])
people = sorted([{"id": i, "age": x % 90, "name": f"p{x % 1000}"} for i, x in enumerate(xs)], key=lambda p: p["age"])
falling = list(ascending)
falling.sort(key=lambda x: -x)
print(ascending[0], ascending[n // 2], ascending[-1], falling[0])
print(names[0], names[n // 2], names[-1])
print(people[0]["id"], people[n // 2]["id"], people[-1]["id"])
