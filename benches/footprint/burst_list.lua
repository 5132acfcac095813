io.write("before\n") io.flush() io.read()
local xs = {}
for i = 1, 20000000 do xs[i] = i * 7 end
io.write("full\n") io.flush() io.read()
xs = nil
collectgarbage()
io.write("after\n") io.flush() io.read()
