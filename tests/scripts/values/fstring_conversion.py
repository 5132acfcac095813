s = "it's"
t = 'plain\n'
print(f"{s!r} {t!r} {s!s} {1!r} {1.5!s}")
print(f"{[s, 1]!r} {[s]!s} {'ab'!r:>8}| {'ab'!s:>8}| {[1]!s:>6}| {[1]!r:<6}|")
print(f"{s !r}|{s + '!' !r:^10}|")
