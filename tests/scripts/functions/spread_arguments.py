def f(a, b=0, *more): return [a, b, list(more)]
args = [1, 2, 3]
print(f(*args))
print(f(0, *args), f(*args, 4), f(*[], 9, *[8]))
print(f(*args, *args))
print(f(*range(2)))
print([f(x, *args) for x in [0]])
print(max(*args))
try: (lambda a, b: a)(*args)
except TypeError: print("arity")
