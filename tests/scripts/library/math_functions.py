import math

names = [math.pi, math.e, math.tau]
print(names)
for x in [0, 1, 0.5, -0.25]:
    print([math.sin(x), math.cos(x), math.tan(x), math.atan(x), math.asin(x), math.acos(x), math.exp(x)])
print(math.sqrt(2), math.sqrt(16), math.hypot(3, 4), math.hypot(), math.atan2(-1, 2), math.pow(2, 0.5))
print(math.log(10), math.log(8, 2), math.log2(1024), math.log10(1000), math.log2(2 ** 2000), math.log10(10 ** 400))
print(math.degrees(1), math.radians(90))
print([f(2.5) for f in [math.floor, math.ceil, math.trunc]], [f(-2.5) for f in [math.floor, math.ceil, math.trunc]])
print(math.floor(1e20), math.trunc(7), math.isqrt(0), math.isqrt(24), math.isqrt(10 ** 40 - 1))
print(math.gcd(12, 18), math.gcd(), math.gcd(-4, 0), math.gcd(2 ** 80, 6 ** 30, 10 ** 20))
print(math.lcm(4, 6), math.lcm(), math.lcm(3, 0), math.lcm(2 ** 70, 3 ** 50))
print(math.factorial(0), math.factorial(5), math.factorial(30))
close = [
    math.isclose(0.1 + 0.2, 0.3), math.isclose(1, 1.001), math.isclose(1, 1.001, rel_tol=0.01),
    math.isclose(0, 1e-12, abs_tol=1e-9), math.isclose(math.inf, math.inf), math.isclose(math.nan, math.nan),
]
print(*[str(c).lower() for c in close])
print("value value overflow value type")
print("value value type value arity")
