local n = tonumber(arg[1] or 400)

local function mandelbrot(n, limit)
  local inside = 0
  local total = 0
  for j = 0, n - 1 do
    local ci = 2.0 * j / n - 1.0
    for i = 0, n - 1 do
      local cr = 3.0 * i / n - 2.0
      local zr, zi = 0.0, 0.0
      local steps = 0
      while steps < limit and zr * zr + zi * zi <= 4.0 do
        local t = zr * zr - zi * zi + cr
        zi = 2.0 * zr * zi + ci
        zr = t
        steps = steps + 1
      end
      total = total + steps
      if steps == limit then inside = inside + 1 end
    end
  end
  return inside, total
end

local inside, total = mandelbrot(n, 100)
print(inside .. " " .. total)
