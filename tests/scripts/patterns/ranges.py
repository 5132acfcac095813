def grade(n):
    if -10 <= n < 0: return "below"
    if 0 <= n < 5: return "low"
    if 5 <= n <= 9: return "high"
    if 10 <= n < 100 or 200 <= n < 300: return "large"
    return "outside"
for n in [-11, -10, -1, 0, 4, 5, 9, 10, 99, 100, 199, 200, 299, 300]: print(n, grade(n))
print("outside", "outside", "outside")
