local n = tonumber(arg[1] or 2000)

local function adder(k) return function(x) return x + k end end
local function compose(f, g) return function(x) return g(f(x)) end end

local function map(f, xs)
  local out = {}
  for i = 1, #xs do out[i] = f(xs[i]) end
  return out
end

local function filter(f, xs)
  local out = {}
  for i = 1, #xs do
    if f(xs[i]) then out[#out + 1] = xs[i] end
  end
  return out
end

local function sum(xs)
  local total = 0
  for i = 1, #xs do total = total + xs[i] end
  return total
end

local function any(f, xs)
  for i = 1, #xs do
    if f(xs[i]) then return true end
  end
  return false
end

local function work(n)
  local xs = {}
  for i = 1, 1000 do xs[i] = i - 1 end
  local total = 0
  for round = 0, n - 1 do
    local step = compose(adder(round), function(x) return x * 3 % 1009 end)
    local ys = filter(function(y) return y % 2 == 0 end, map(step, xs))
    total = total + sum(map(adder(-round), ys))
    if any(function(y) return y > 1000000 end, ys) then total = 0 end
  end
  return total
end

print(work(n))
