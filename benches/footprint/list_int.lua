io.write("before\n") io.flush() io.read()
local xs = {}
for i = 1, 1000000 do xs[i] = i * 7 end
io.write("after\n") io.flush() io.read()
