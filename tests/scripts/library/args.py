import sys
args = sys.argv[1:]
print(args, len(args), args[0])
for a in args: print(a)
