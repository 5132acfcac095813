local n = tonumber(arg[1] or 1200000)
local SYLLABLES = {[0] = "ba", "do", "ki", "lo", "me", "nu", "ra", "ti"}

local function count(n)
  local numbers = {}
  local words = {}
  local seed = 42
  for _ = 1, n do
    seed = (seed * 1103515245 + 12345) % 2147483648
    local k = seed // 65536 % 5000
    numbers[k] = (numbers[k] or 0) + 1
    local word = SYLLABLES[k % 8] .. SYLLABLES[k // 8 % 8]
    words[word] = (words[word] or 0) + 1
  end
  return numbers, words
end

local function ranking(counts)
  local items = {}
  for k, times in pairs(counts) do items[#items + 1] = {k, times} end
  table.sort(items, function(a, b)
    if a[2] ~= b[2] then return a[2] > b[2] end
    return a[1] < b[1]
  end)
  return items
end

local numbers, words = count(n)
local by_number, by_word = ranking(numbers), ranking(words)
print(#by_number .. " " .. #by_word)
for i = 1, 5 do print(by_number[i][1] .. " " .. by_number[i][2]) end
for i = 1, 5 do print(by_word[i][1] .. " " .. by_word[i][2]) end
