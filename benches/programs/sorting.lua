local n = tonumber(arg[1] or 500000)

local function numbers(n)
  local xs = {}
  local seed = 7
  for i = 1, n do
    seed = (seed * 1103515245 + 12345) % 2147483648
    xs[i] = seed // 8
  end
  return xs
end

local function copy(xs) return table.move(xs, 1, #xs, 1, {}) end

local function equal(xs, ys)
  for i = 1, #xs do
    if xs[i] ~= ys[i] then return false end
  end
  return #xs == #ys
end

local xs = numbers(n)
local middle = n // 2 + 1
local ascending = copy(xs)
table.sort(ascending)
local falling = copy(xs)
table.sort(falling, function(a, b) return a > b end)
local names, fractions = {}, {}
for i, x in ipairs(xs) do
  names[i] = "n" .. x
  fractions[i] = x / 7
end
table.sort(names)
table.sort(fractions)
local almost = copy(ascending)
almost[1], almost[middle] = almost[middle], almost[1]
table.sort(almost)
print(table.concat({ascending[1], ascending[middle], ascending[n], falling[1], falling[middle], falling[n]}, " "))
print(names[1] .. " " .. names[middle] .. " " .. names[n])
print(string.format("%.3f %.3f %.3f %s", fractions[1], fractions[middle], fractions[n], equal(almost, ascending)))
