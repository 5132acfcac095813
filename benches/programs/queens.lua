local n = tonumber(arg[1] or 11)

local abs = math.abs

local function safe(placed, row, column)
  for r = 1, row - 1 do
    local c = placed[r]
    if c == column or abs(c - column) == row - r then return false end
  end
  return true
end

local function solutions(n, placed, row)
  if row > n then return 1 end
  local found = 0
  for column = 1, n do
    if safe(placed, row, column) then
      placed[row] = column
      found = found + solutions(n, placed, row + 1)
    end
  end
  return found
end

print(solutions(n, {}, 1))
