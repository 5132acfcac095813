local n = tonumber(arg[1] or 220)

local function make(n, seed)
  local m = {}
  for i = 0, n - 1 do
    local row = {}
    for j = 0, n - 1 do row[j + 1] = seed * (i - j) * (i + j) / n end
    m[i + 1] = row
  end
  return m
end

local function multiply(a, b)
  local size = #b[1]
  local c = {}
  for i, row in ipairs(a) do
    local line = {}
    for j = 1, size do line[j] = 0.0 end
    for k, x in ipairs(row) do
      local other = b[k]
      for j = 1, size do line[j] = line[j] + x * other[j] end
    end
    c[i] = line
  end
  return c
end

local c = multiply(make(n, 0.5), make(n, 0.25))
local middle = n // 2 + 1
print(string.format("%.6f %.6f %.6f", c[middle][middle], c[2][n], c[n][3]))
