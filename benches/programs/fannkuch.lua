local n = tonumber(arg[1] or 9)

local function fannkuch(n)
  local order, count, stack = {}, {}, {}
  for i = 1, n do order[i] = i end
  local checksum, most = 0, 0
  local even = true
  local r = n
  while true do
    while r > 1 do
      count[r] = r
      r = r - 1
    end
    local first = order[1]
    if first ~= 1 then
      for i = 1, n do stack[i] = order[i] end
      local flips = 0
      repeat
        local low, high = 1, first
        while low < high do
          stack[low], stack[high] = stack[high], stack[low]
          low = low + 1
          high = high - 1
        end
        flips = flips + 1
        first = stack[1]
      until first == 1
      if flips > most then most = flips end
      checksum = checksum + (even and flips or -flips)
    end
    while true do
      if r == n then return checksum, most end
      local moved = order[1]
      for i = 1, r do order[i] = order[i + 1] end
      order[r + 1] = moved
      count[r + 1] = count[r + 1] - 1
      if count[r + 1] > 0 then break end
      r = r + 1
    end
    even = not even
  end
end

local checksum, most = fannkuch(n)
print(checksum)
print("Pfannkuchen(" .. n .. ") = " .. most)
