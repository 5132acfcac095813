local n = tonumber(arg[1] or 150000)

local function numbers(n)
  local xs = {}
  local seed = 99
  for i = 1, n do
    seed = (seed * 1103515245 + 12345) % 2147483648
    xs[i] = seed // 8
  end
  return xs
end

local function heap_sort(xs)
  local last = #xs
  local start = last // 2 + 1
  while last > 1 do
    if start > 1 then
      start = start - 1
    else
      xs[last], xs[1] = xs[1], xs[last]
      last = last - 1
    end
    local root = start
    while 2 * root <= last do
      local child = 2 * root
      if child < last and xs[child] < xs[child + 1] then child = child + 1 end
      if xs[root] >= xs[child] then break end
      xs[root], xs[child] = xs[child], xs[root]
      root = child
    end
  end
end

local xs = numbers(n)
heap_sort(xs)
print(xs[1] .. " " .. xs[n // 2 + 1] .. " " .. xs[n])
