local n = tonumber(arg[1] or 150000)

local function numbers(n)
  local xs = {}
  local seed = 7
  for i = 1, n do
    seed = (seed * 1103515245 + 12345) % 2147483648
    xs[i] = seed // 8
  end
  return xs
end

local xs = numbers(n)
local ascending = table.move(xs, 1, n, 1, {})
table.sort(ascending)
local names, people = {}, {}
for i, x in ipairs(xs) do
  names[i] = "n" .. x
  people[i] = {id = i - 1, age = x % 90, name = "p" .. x % 1000}
end
table.sort(names)
-- table.sort is not stable: the order of equal ages has to be asked for
table.sort(people, function(a, b)
  if a.age ~= b.age then return a.age < b.age end
  return a.id < b.id
end)
local falling = table.move(ascending, 1, n, 1, {})
table.sort(falling, function(a, b) return a > b end)
local middle = n // 2 + 1
print(ascending[1] .. " " .. ascending[middle] .. " " .. ascending[n] .. " " .. falling[1])
print(names[1] .. " " .. names[middle] .. " " .. names[n])
print(people[1].id .. " " .. people[middle].id .. " " .. people[n].id)
