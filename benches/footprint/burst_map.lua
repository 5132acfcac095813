io.write("before\n") io.flush() io.read()
local m = {}
for i = 1, 2000000 do m[string.format("key %07d", i)] = string.format("value %07d", i) end
io.write("full\n") io.flush() io.read()
m = nil
collectgarbage()
io.write("after\n") io.flush() io.read()
