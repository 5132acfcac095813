local rounds = tonumber(arg[1] or 300)

local function make(id, depth)
  local parts = {}
  if depth > 0 then
    for i = 1, 4 do parts[i] = make(id * 4 + i, depth - 1) end
  end
  return {
    id = id,
    name = "part " .. id,
    price = id % 97 * 0.25,
    stocked = id % 3 == 0,
    size = {width = id % 7, height = id % 11},
    tags = table.move({"new", "blue", "heavy", "small"}, 1, id % 4 + 1, 1, {}),
    parts = parts,
  }
end

local function total(value)
  local kind = type(value)
  if kind == "table" then
    local found = 0
    for _, item in pairs(value) do found = found + total(item) end
    return found
  elseif kind == "string" then
    return #value
  elseif kind == "boolean" then
    return value and 1 or 0
  else
    return value
  end
end

local max = math.max

local function depth(value)
  if type(value) ~= "table" then return 0 end
  local deepest = 0
  for _, item in pairs(value) do deepest = max(deepest, depth(item)) end
  return deepest + 1
end

local function raised(value)
  if type(value) ~= "table" then return value end
  local out = {}
  for k, item in pairs(value) do
    if k == "price" then out[k] = item + 0.5 else out[k] = raised(item) end
  end
  return out
end

local tree = make(1, 4)
local result = 0
for _ = 1, rounds do
  result = result + total(tree) + depth(tree)
  tree = raised(tree)
end
print(string.format("%.2f %.2f", result, tree.parts[4].parts[1].price))
