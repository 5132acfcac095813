for i in range(4):
    if i == 1: continue
    for j in range(4):
        if j == i: break
        if j % 2 == 1: continue
        print(i, j)
    if i == 3: break
    print("row", i)
a = 0
while a < 3:
    a += 1
    b = 0
    while True:
        b += 1
        if b == 1: continue
        if b == 3: break
        print("in", a, b)
    if a == 2: break
print(a)
