local depth = tonumber(arg[1] or 15)

local function tree(depth)
  if depth == 0 then return {} end
  return {left = tree(depth - 1), right = tree(depth - 1)}
end

local function nodes(t)
  if t.left == nil then return 1 end
  return 1 + nodes(t.left) + nodes(t.right)
end

local long_lived = tree(depth)
for d = 4, depth, 3 do
  local count = 1 << (depth - d + 3)
  local total = 0
  for _ = 1, count do total = total + nodes(tree(d)) end
  print(count .. " trees of depth " .. d .. " have " .. total .. " nodes")
end
print("the long-lived tree has " .. nodes(long_lived) .. " nodes")
