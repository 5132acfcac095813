local n = tonumber(arg[1] or 1800)

local function text(n, seed)
  local out = {}
  for i = 0, n - 1 do
    local k = (i * i + seed * i + seed) % 10 + 1
    out[i + 1] = ("abcdefghij"):sub(k, k)
  end
  return table.concat(out)
end

local function distance(a, b)
  local min = math.min
  local b_bytes = {b:byte(1, -1)}
  local previous = {}
  for j = 1, #b + 1 do previous[j] = j - 1 end
  for i = 1, #a do
    local x = a:byte(i)
    local current = {i}
    for j = 1, #b do
      if x == b_bytes[j] then
        current[j + 1] = previous[j]
      else
        current[j + 1] = 1 + min(previous[j], previous[j + 1], current[j])
      end
    end
    previous = current
  end
  return previous[#previous]
end

print(distance(text(n, 3), text(n, 7)))
