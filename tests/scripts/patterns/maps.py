def job(v):
    match v:
        case {"kind": "stop"}: return "stop"
        case {"kind": "run", "cmd": [name, *args]}: return f"run {name} {args}"
        case {"kind": "wait", "time": float(t)}: return f"wait {t}"
        case {"kind": "wait", "time": t} if 0 <= t < 10: return "wait a little"
        case {"kind": kind, **rest}: return f"{'null' if kind is None else kind} with {rest}"
        case {}: return "some map"
        case _: return "no map"
for v in [
    {"kind": "stop", "now": True},
    {"kind": "run", "cmd": ["ls", "-l"]},
    {"kind": "run", "cmd": []},
    {"time": 1.5, "kind": "wait"},
    {"time": 5, "kind": "wait"},
    {"kind": None},
    {"other": 1},
    "kind",
    [],
]:
    print(job(v))
