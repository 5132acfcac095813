print(int("42"), int("-7"), int("+7"), int(" 42\n"), int("007"), int("1_000"))
print(int(3.9), int(-3.9), int(3), int(1e20), int(-0.5), int(2.0 ** 70))
print(int("ff", 16), int("0xff", 16), int("-ff", 16), int("101", 2), int("z", 36), int("17", 8), int("FF", 16))
print(int("123456789012345678901234567890"), int(True), int(False))
