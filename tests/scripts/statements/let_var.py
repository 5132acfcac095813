limit = 10
total = 0
total = total + limit
total = total * 2
print(limit, total)
text = "fixed"
thing = text
thing = 1.5
print(text, thing)
