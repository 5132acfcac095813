print("""one line""", '''another''')
print("""a "quoted" word, a ""double"" one and a \"""triple\""" one""")
print('''it's 'quoted' ''' + "!")
s = """first
second
  third"""
print(s)
print(len(s))
print(len(""" " """), len(""""""))
