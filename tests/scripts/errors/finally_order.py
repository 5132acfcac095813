def by_return():
    try:
        print("body")
        return "returned"
    finally: print("finally")
print(by_return())
def by_catch():
    try: raise Exception("x")
    except Exception as e:
        print("catch")
        return "from catch"
    finally: print("finally")
print(by_catch())
def by_throw():
    try: raise Exception("thrown")
    finally: print("finally")
try: by_throw()
except Exception as e: print("outside", e)
def throw_in_catch():
    try: raise Exception("first")
    except Exception as e: raise Exception("second")
    finally: print("finally")
try: throw_in_catch()
except Exception as e: print("outside", e)
for i in range(4):
    try:
        if i == 1: continue
        if i == 2: break
        print("body", i)
    finally:
        print("finally", i)
try: print("plain")
finally: print("finally")
