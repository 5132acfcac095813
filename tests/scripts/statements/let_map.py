person = {"name": "Ann", "age": 41, "home": {"city": "Pune", "zip": 411001}}
print(person["name"], person["age"])
print(person["name"], person["home"]["city"])
print(person["age"], {k: v for k, v in person.items() if k != "age"})
print(person["name"] + "a", person["name"])
