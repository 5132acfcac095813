local n = tonumber(arg[1] or 2800)

local function grid(n)
  local total = 0
  for i = 0, n - 1 do
    for j = 0, n - 1 do
      if (i ~ j) & 1 == 0 then
        total = total + i * j % 7
      else
        total = total - 3
      end
    end
  end
  return total
end

local function collatz(limit)
  local longest = 0
  for start = 1, limit - 1 do
    local k = start
    local steps = 0
    while k ~= 1 do
      if k % 2 == 0 then k = k // 2 else k = 3 * k + 1 end
      steps = steps + 1
    end
    if steps > longest then longest = steps end
  end
  return longest
end

print(grid(n) .. " " .. collatz(n * 10))
