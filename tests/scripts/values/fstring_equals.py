n = 5
s = "text"
xs = [1, "a"]
x = 2.5
print(f"{n=} {s=} {xs=} {x=}")
print(f"{n = } {n= } {n =}|")
print(f"{n + 1=} {xs[0]=} {n*2 = }")
print(f"{n=:>4} {x=:.2f} {s=!s} {s=:>6} {s=!r:>8} {n=:03}")
