local n = tonumber(arg[1] or 120000)

local function people(n)
  local out = {}
  local seed = 7
  for i = 1, n do
    seed = (seed * 1103515245 + 12345) % 2147483648
    local x = seed // 8
    out[i] = {id = i - 1, age = x % 90, name = "p" .. x % 1000}
  end
  return out
end

-- table.sort is not stable: the order of equal ones has to be asked for
local function by_age(a, b)
  if a.age ~= b.age then return a.age < b.age end
  return a.id < b.id
end

local function by_name(a, b)
  if a.name ~= b.name then return a.name > b.name end
  return a.id < b.id
end

local function by_both(a, b)
  if a.age ~= b.age then return a.age < b.age end
  if a.name ~= b.name then return a.name < b.name end
  return a.id < b.id
end

local all = people(n)
for _, before in ipairs {by_age, by_name, by_both} do
  local order = table.move(all, 1, n, 1, {})
  table.sort(order, before)
  local out = {}
  for _, i in ipairs {1, n // 3 + 1, n // 2 + 1, n} do
    local p = order[i]
    out[#out + 1] = p.id .. " " .. p.age .. " " .. p.name
  end
  print(table.concat(out, ", "))
end
