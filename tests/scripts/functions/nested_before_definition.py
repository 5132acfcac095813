def collatz(n):
    three = 3
    def run(x, steps):
        if x == 1: return steps
        return halve(x, steps) if x % 2 == 0 else triple(x, steps)
    def halve(x, steps): return run(x // 2, steps + 1)
    def triple(x, steps): return run(three * x + 1, steps + 1)
    return run(n, 0)
print(collatz(27), collatz(1))
def local(x): return x + 1
print(local(2))
def uses_let(): return 41
def later(): return uses_let() + 1
print(later())
