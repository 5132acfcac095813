local n = tonumber(arg[1] or 300)

local function a(i, j)
  return 1.0 / ((i + j) * (i + j + 1) // 2 + i + 1)
end

local function times(v)
  local out = {}
  for i = 1, #v do
    local total = 0.0
    for j = 1, #v do total = total + a(i - 1, j - 1) * v[j] end
    out[i] = total
  end
  return out
end

local function times_transposed(v)
  local out = {}
  for i = 1, #v do
    local total = 0.0
    for j = 1, #v do total = total + a(j - 1, i - 1) * v[j] end
    out[i] = total
  end
  return out
end

local function norm(n)
  local u, v = {}, nil
  for i = 1, n do u[i] = 1.0 end
  for _ = 1, 10 do
    v = times_transposed(times(u))
    u = times_transposed(times(v))
  end
  local uv, vv = 0.0, 0.0
  for i = 1, n do
    uv = uv + u[i] * v[i]
    vv = vv + v[i] * v[i]
  end
  return (uv / vv) ^ 0.5
end

print(string.format("%.9f", norm(n)))
