x = 10
x += 5
x -= 1
x *= 3
print(x)
x //= 4
x %= 7
x **= 5
print(x)
x <<= 3
x >>= 1
x &= 0xff
x |= 0x100
x ^= 0x11
print(x)
x /= 2
print(x)
