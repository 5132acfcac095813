local n = tonumber(arg[1] or 150000)

local function report(n)
  local lines = {}
  for i = 0, n - 1 do
    lines[#lines + 1] = string.format("%d: item %d costs %d.50", i, i % 17, i * 3 % 101)
  end
  return table.concat(lines, "\n")
end

local function squeeze(text)
  local out = {}
  local last = ""
  for c in text:gmatch(".") do
    if c ~= last and c ~= " " then out[#out + 1] = c end
    last = c
  end
  return table.concat(out)
end

local text = report(n)
local short = squeeze(text)
local _, fives = short:gsub("5", "5")
print(#text .. " " .. #short .. " " .. fives .. " " .. short:sub(-20))
