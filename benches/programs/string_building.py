import sys

n = int(sys.argv[1]) if len(sys.argv) > 1 else 150_000


def report(n):
    lines = []
    for i in range(n):
        lines.append(f"{i}: item {i % 17} costs {i * 3 % 101}.50")
    return "\n".join(lines)


def squeeze(text):
    out = []
    last = ""
    for c in text:
        if c != last and c != " ":
            out.append(c)
        last = c
    return "".join(out)


text = report(n)
short = squeeze(text)
print(len(text), len(short), short.count("5"), short[-20:])
