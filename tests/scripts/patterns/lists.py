def shape(v):
    match v:
        case []: return "empty"
        case [1, 2]: return "one two"
        case [x]: return f"single {x}"
        case [0, *tail]: return f"zero then {tail}"
        case [*init, 0]: return f"{init} then zero"
        case [a, *mid, b] if a == b: return f"{mid} between {a}"
        case [_, _]: return "pair"
        case [a, b, *_]: return f"starts with {a} {b}"
        case _: return "no list"
for v in [[], [1, 2], [9], [0, 5, 6], [0], [4, 5, 0], [7, 1, 2, 7], [3, 3], [3, 4], [1, 2, 3], "ab", {"a": 1}, 5]:
    print(shape(v))
