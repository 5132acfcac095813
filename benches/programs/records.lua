local n = tonumber(arg[1] or 600)

local function make(id, depth)
  local children = {}
  if depth > 0 then
    for i = 0, 2 do children[#children + 1] = make(id * 3 + i + 1, depth - 1) end
  end
  return {
    id = id, name = "node " .. id, tags = {"a", "b", id % 5},
    size = {w = id % 7, h = id % 11}, children = children,
  }
end

local function area(node)
  local total = node.size.w * node.size.h
  for _, child in ipairs(node.children) do total = total + area(child) end
  return total
end

local function grow(node)
  node.size.w = node.size.w + 1
  table.insert(node.tags, "grown")
  for _, child in ipairs(node.children) do grow(child) end
  return node
end

local function write(value)
  if type(value) == "table" then
    local parts = {}
    if value.w or value.id then
      for k, v in pairs(value) do parts[#parts + 1] = k .. ":" .. write(v) end
      return "{" .. table.concat(parts, ",") .. "}"
    end
    for i, v in ipairs(value) do parts[i] = write(v) end
    return "[" .. table.concat(parts, ",") .. "]"
  elseif type(value) == "string" then
    return "'" .. value .. "'"
  else
    return tostring(value)
  end
end

local total = 0
local length = 0
for i = 0, n - 1 do
  local tree = grow(make(i, 4))
  total = total + area(tree)
  length = length + #write(tree)
end
print(total .. " " .. length)
