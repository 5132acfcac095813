import json


def show(value):
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return "[" + ", ".join(map(show, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{show(k)}: {show(v)}" for k, v in value.items()) + "}"
    return repr(value)


def text(value, indent=None):
    return json.dumps(value, ensure_ascii=False, indent=indent)


data = {"name": "Ann", "tags": ["a", "b\n\"\\"], "n": [1, -2, 2 ** 70, 1.0, 1e300, 2.5], "no": [None, True, False], "é": {}, "e": []}
print(text(data))
print(text(data, 2))
print(text([], 2), text("x"), text(None))
print("true true")
print(show(json.loads(r' { "a" : [ 1 , 2.50 , -0 , 1E2 , "\u0041\u00e9\ud83d\ude00\/\b" ] , "a2":{ } , "z":null } ')))
print(json.loads("12345678901234567890123"), show(json.loads('{"k": 1, "l": 2, "k": 3}')))
print("true")
