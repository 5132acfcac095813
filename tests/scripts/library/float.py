print(float("1e3"), float("1.5"), float("-2"), float(" .5 "), float("5."), float(2), float(1.5), float("1_0.5"))
print(float("inf"), float("-inf"), float("nan"), float("Infinity"), float(2 ** 70), float("1e400"))
