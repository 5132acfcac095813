def size(n):
    if n < 0: return "negative"
    elif n == 0: return "zero"
    elif n < 10: return "small"
    else: return "large"
for n in [-1, 0, 5, 50]: print(size(n))
if True: print("one line")
if False: print("never")
else: print("else")
if 1 < 2 and 2 < 3: print("both")
if False: print("never")
elif True: print("next line")
