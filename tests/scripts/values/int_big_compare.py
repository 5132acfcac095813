import builtins
def print(*xs):
    text = " ".join(str(x) for x in xs)
    builtins.print(text.replace("True", "true").replace("False", "false").replace("None", "null"))
big = 2 ** 80
inf = float("inf")
print(big == 2 ** 80, big != 2 ** 80 + 1, big > 2 ** 79, -big < 0, big >= big)
print([big] == [2 ** 80], {"k": big} == {"k": 2 ** 80}, big in [1, 2 ** 80])
print(min(big, 5), max(big, 5), sorted([big, 1, -big]))
print(2 ** 53 + 1 == 2.0 ** 53, 2 ** 53 + 1 > 2.0 ** 53, big == 2.0 ** 80, big < inf, -big > -inf)
