xs = [0, 1, 2, 3, 4]
print(xs[1:3], xs[2:], xs[:2], xs[:], xs[:-1], xs[-2:], xs[-3:-1])
print(xs[1:4], xs[:3], xs[0:0], xs[3:1], xs[2:2])
print(xs[2:100], xs[-100:2], xs[100:], xs[:-100], xs[-100:100], [][1:2])
print("hello"[1:3], "hello"[:-1], "hello"[-3:], ["hello"[9:]], "héé"[1:], "hello"[:2])
print(b"hello"[1:3], b"hello"[-2:], b"hello"[:99])
print([*range(10)[2:5]], [*range(10)[-2:]], [*range(0, 10, 2)[1:3]], [*range(3)[5:]])
