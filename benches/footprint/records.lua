io.write("before\n") io.flush() io.read()
local xs = {}
for i = 1, 100000 do xs[i] = { id = i, name = "name " .. i, done = false } end
io.write("after\n") io.flush() io.read()
