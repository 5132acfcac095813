io.write("before\n") io.flush() io.read()
local m = {}
for i = 1, 1000000 do m[i * 7] = i end
io.write("after\n") io.flush() io.read()
