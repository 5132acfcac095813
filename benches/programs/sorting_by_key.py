import sys

n = int(sys.argv[1]) if len(sys.argv) > 1 else 120_000


def people(n):
    out = []
    seed = 7
    for i in range(n):
        seed = (seed * 1103515245 + 12345) % 2147483648
        x = seed // 8
        out.append({"id": i, "age": x % 90, "name": f"p{x % 1000}"})
    return out


everyone = people(n)
by_age = sorted(everyone, key=lambda p: p["age"])
by_name = sorted(everyone, key=lambda p: p["name"], reverse=True)
by_both = sorted(everyone, key=lambda p: (p["age"], p["name"]))
for order in by_age, by_name, by_both:
    chosen = [order[i] for i in (0, n // 3, n // 2, n - 1)]
    print(", ".join(f"{p['id']} {p['age']} {p['name']}" for p in chosen))
