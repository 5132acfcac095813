import sys

n = int(sys.argv[1]) if len(sys.argv) > 1 else 150_000
SOURCE = "push 1; push 2; add; dup; mul; push 7; swap; sub; PUSH 5; add; dup; add; push 3; mul"


def parse(source):
    code = []
    for part in source.split(";"):
        words = part.strip().lower().split(" ")
        code.append((words[0], int(words[1]) if len(words) > 1 else 0))
    return code


def run(code, start):
    stack = [start]
    for op, value in code:
        if op == "push":
            stack.append(value)
        elif op == "dup":
            stack.append(stack[-1])
        else:
            b = stack.pop()
            a = stack.pop()
            if op == "add":
                stack.append(a + b)
            elif op == "sub":
                stack.append(a - b)
            elif op == "mul":
                stack.append(a * b)
            else:
                stack.append(b)
                stack.append(a)
    return len(stack) * 1000 + stack.pop() % 1000


def main():
    code = parse(SOURCE)
    total = 0
    for i in range(n):
        total += run(parse(SOURCE) if i % 10 == 0 else code, i)
    print(total)


main()
