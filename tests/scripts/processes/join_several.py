from multiprocessing import get_context
ctx = get_context("fork")
def sq(x): return x * x
with ctx.Pool(2) as pool:
    print(["slow", "mid", "fast"])
    print(["fast", "slow"])
    print(["mid"], "mid", [])
    print(pool.map(sq, range(20)))
    print(*pool.map(sq, [11, 12]))
