a = 7
a += 3; print(a)
a -= 4; print(a)
a *= 5; print(a)
a /= 4; print(a)
a = 30
a //= 4; print(a)
a **= 3; print(a)
a %= 100; print(a)
a &= 0b101010; print(a)
a |= 0b10100; print(a)
a ^= 0b11; print(a)
a <<= 70; print(a)
a >>= 69; print(a)
s = "x"
s += "yz"
s *= 2
print(s)
xs = [1]
xs += [2, 3]
print(xs)
