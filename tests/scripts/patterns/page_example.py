def kind(v):
    match v:
        case 0: return "zero"
        case int() if -5 <= v < 0: return "little"
        case [x, *_] if x > 1: return "list"
        case {"id": id, "job": "gzip"}: return id
        case "a" | "b": return 1
        case int(): return v
        case _: return "null"
for v in [0, -5, -1, -6, [2, 3], [1, 3], [], {"id": 7, "job": "gzip"}, {"id": 7, "job": "tar"}, "a", "b", "c", 99, 1.5]:
    print(kind(v))
