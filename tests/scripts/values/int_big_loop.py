a, b = 0, 1
for i in range(200): a, b = b, a + b
print(a)
x = 9223372036854775800
for i in range(10): x += 1
print(x)
for i in range(20): x -= 1
print(x, "true")
