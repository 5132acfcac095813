local n = tonumber(arg[1] or 150000)
local SOURCE = "push 1; push 2; add; dup; mul; push 7; swap; sub; PUSH 5; add; dup; add; push 3; mul"

local function parse(source)
  local code = {}
  for part in source:gmatch("[^;]+") do
    local op, value = part:lower():match("^%s*(%a+)%s*(%d*)%s*$")
    code[#code + 1] = {op, math.tointeger(value) or 0}
  end
  return code
end

local pop = table.remove

local function run(code, start)
  local stack = {start}
  for i = 1, #code do
    local op, value = code[i][1], code[i][2]
    if op == "push" then
      stack[#stack + 1] = value
    elseif op == "dup" then
      stack[#stack + 1] = stack[#stack]
    else
      local b, a = pop(stack), pop(stack)
      if op == "add" then
        stack[#stack + 1] = a + b
      elseif op == "sub" then
        stack[#stack + 1] = a - b
      elseif op == "mul" then
        stack[#stack + 1] = a * b
      else
        stack[#stack + 1] = b
        stack[#stack + 1] = a
      end
    end
  end
  return #stack * 1000 + pop(stack) % 1000
end

local code = parse(SOURCE)
local total = 0
for i = 0, n - 1 do
  total = total + run(i % 10 == 0 and parse(SOURCE) or code, i)
end
print(total)
