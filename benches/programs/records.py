import sys

n = int(sys.argv[1]) if len(sys.argv) > 1 else 600


def make(id, depth):
    children = []
    if depth > 0:
        for i in range(3):
            children.append(make(id * 3 + i + 1, depth - 1))
    return {
        "id": id, "name": f"node {id}", "tags": ["a", "b", id % 5],
        "size": {"w": id % 7, "h": id % 11}, "children": children,
    }


def area(node):
    total = node["size"]["w"] * node["size"]["h"]
    for child in node["children"]:
        total += area(child)
    return total


def grow(node):
    node["size"]["w"] += 1
    node["tags"].append("grown")
    for child in node["children"]:
        grow(child)
    return node


def write(value):
    if isinstance(value, dict):
        return "{" + ",".join([f"{k}:{write(v)}" for k, v in value.items()]) + "}"
    elif isinstance(value, list):
        return "[" + ",".join([write(v) for v in value]) + "]"
    elif isinstance(value, str):
        return f"'{value}'"
    else:
        return str(value)


def main():
    total = 0
    length = 0
    for i in range(n):
        tree = grow(make(i, 4))
        total += area(tree)
        length += len(write(tree))
    print(total, length)


main()
