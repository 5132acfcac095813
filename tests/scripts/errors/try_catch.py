class Error(Exception):
    def __init__(self, kind, message=""):
        self.kind, self.message = kind, message
def f(kind):
    try: raise Error(kind, "text")
    except Error as e:
        if e.kind == "timeout": return "was timeout"
        if e.kind == "io" or e.kind == "key": return "was io or key"
        return f"other {e.kind}"
print(f("timeout"), f("io"), f("key"), f("mine"))
print("no error")
def number(s):
    try: return int(s)
    except ValueError: return -1
print(number("12"), number("x"))
try: raise Error("user", "inner")
except Error as e: print("fell through:", e.message)
try: raise Error("user", "one")
except Error as e:
    try: raise Error("user", "two")
    except Error as e2: print(e2.message)
    print(e.message)
