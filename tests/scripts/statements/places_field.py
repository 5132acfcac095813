person = {"name": "Ann", "tags": ["a"], "home": {"city": "Pune"}}
person["tags"].append("x")
person["home"]["city"] = "Delhi"
person["home"]["zip"] = 110001
person["age"] = 41
person["tags"][0] = "first"
print(person)
rows = [[3, 1, 2], [9, 8]]
rows[0].sort()
rows[1].append(7)
rows[1].insert(0, 10)
print(rows)
print(rows[0].pop(), rows)
deep = {"a": [{"b": {"c": [1]}}]}
deep["a"][0]["b"]["c"].append(2)
deep["a"][0]["b"]["c"][0] -= 1
print(deep)
