import sys

rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 300


def make(id, depth):
    return {
        "id": id,
        "name": f"part {id}",
        "price": id % 97 * 0.25,
        "stocked": id % 3 == 0,
        "size": {"width": id % 7, "height": id % 11},
        "tags": ["new", "blue", "heavy", "small"][: id % 4 + 1],
        "parts": [] if depth == 0 else [make(id * 4 + i, depth - 1) for i in range(1, 5)],
    }


def total(value):
    if isinstance(value, dict):
        found = 0
        for item in value.values():
            found += total(item)
        return found
    elif isinstance(value, list):
        found = 0
        for item in value:
            found += total(item)
        return found
    elif isinstance(value, str):
        return len(value)
    elif isinstance(value, bool):
        return 1 if value else 0
    else:
        return value


def depth(value):
    deepest = 0
    if isinstance(value, dict):
        for item in value.values():
            deepest = max(deepest, depth(item))
    elif isinstance(value, list):
        for item in value:
            deepest = max(deepest, depth(item))
    else:
        return 0
    return deepest + 1


def raised(value):
    if isinstance(value, dict):
        return {k: item + 0.5 if k == "price" else raised(item) for k, item in value.items()}
    elif isinstance(value, list):
        return [raised(item) for item in value]
    else:
        return value


def main():
    tree = make(1, 4)
    result = 0
    for _ in range(rounds):
        result += total(tree) + depth(tree)
        tree = raised(tree)
    print(f"{result:.2f} {tree['parts'][3]['parts'][0]['price']:.2f}")


main()
