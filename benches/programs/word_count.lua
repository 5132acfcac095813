local copies = tonumber(arg[1] or 750)
local SYLLABLES = {[0] = "ba", "do", "ki", "lo", "me", "nu", "ra", "ti"}

local function story(lines)
  local out = {}
  local seed = 42
  for i = 1, lines do
    local words = {}
    for j = 1, 10 do
      seed = (seed * 1103515245 + 12345) % 2147483648
      local k = seed // 65536
      words[j] = SYLLABLES[k % 8] .. SYLLABLES[k // 8 % 8] .. SYLLABLES[k // 64 % 3]
    end
    words[1] = words[1]:upper() .. ","
    out[i] = table.concat(words, " ") .. ".\n"
  end
  return table.concat(out)
end

local text = story(200):rep(copies)
local total, counts = 0, {}
for line in text:gmatch("[^\n]+") do
  for word in line:lower():gmatch("%a+") do
    total = total + 1
    counts[word] = (counts[word] or 0) + 1
  end
end
local ranking = {}
for word, n in pairs(counts) do ranking[#ranking + 1] = {word, n} end
table.sort(ranking, function(a, b)
  if a[2] ~= b[2] then return a[2] > b[2] end
  return a[1] < b[1]
end)
print(total .. " words, " .. #ranking .. " of them different")
for i = 1, 10 do print(ranking[i][1] .. " " .. ranking[i][2]) end
