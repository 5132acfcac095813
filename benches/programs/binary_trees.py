import sys

depth = int(sys.argv[1]) if len(sys.argv) > 1 else 15


class Node:
    __slots__ = ("left", "right")

    def __init__(self, left, right):
        self.left = left
        self.right = right


def tree(depth):
    if depth == 0:
        return Node(None, None)
    return Node(tree(depth - 1), tree(depth - 1))


def nodes(t):
    if t.left is None:
        return 1
    return 1 + nodes(t.left) + nodes(t.right)


def main():
    long_lived = tree(depth)
    for d in range(4, depth + 1, 3):
        count = 2 ** (depth - d + 3)
        total = 0
        for _ in range(count):
            total += nodes(tree(d))
        print(count, "trees of depth", d, "have", total, "nodes")
    print("the long-lived tree has", nodes(long_lived), "nodes")


main()
