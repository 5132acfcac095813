io.write("before\n") io.flush() io.read()
local xs = {}
for i = 1, 1000000 do xs[i] = string.format("%020d", i) end
io.write("after\n") io.flush() io.read()
