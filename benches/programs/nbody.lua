local steps = tonumber(arg[1] or 120000)
local PI = 3.141592653589793
local SOLAR_MASS = 4 * PI * PI
local YEAR = 365.24

local function body(x, y, z, vx, vy, vz, mass)
  return {x = x, y = y, z = z, vx = vx * YEAR, vy = vy * YEAR, vz = vz * YEAR, mass = mass * SOLAR_MASS}
end

local function advance(bodies, dt, steps)
  local count = #bodies
  for _ = 1, steps do
    for i = 1, count do
      local a = bodies[i]
      for j = i + 1, count do
        local b = bodies[j]
        local dx = a.x - b.x
        local dy = a.y - b.y
        local dz = a.z - b.z
        local mag = dt * (dx * dx + dy * dy + dz * dz) ^ -1.5
        local ma = a.mass * mag
        local mb = b.mass * mag
        a.vx = a.vx - dx * mb
        a.vy = a.vy - dy * mb
        a.vz = a.vz - dz * mb
        b.vx = b.vx + dx * ma
        b.vy = b.vy + dy * ma
        b.vz = b.vz + dz * ma
      end
    end
    for i = 1, count do
      local b = bodies[i]
      b.x = b.x + dt * b.vx
      b.y = b.y + dt * b.vy
      b.z = b.z + dt * b.vz
    end
  end
end

local function energy(bodies)
  local e = 0.0
  for i, b in ipairs(bodies) do
    e = e + 0.5 * b.mass * (b.vx * b.vx + b.vy * b.vy + b.vz * b.vz)
    for j = i + 1, #bodies do
      local c = bodies[j]
      local dx = b.x - c.x
      local dy = b.y - c.y
      local dz = b.z - c.z
      e = e - b.mass * c.mass / (dx * dx + dy * dy + dz * dz) ^ 0.5
    end
  end
  return e
end

local function offset_momentum(bodies)
  local sun = bodies[1]
  for _, b in ipairs(bodies) do
    local vx, vy, vz = b.vx, b.vy, b.vz
    sun.vx = sun.vx - vx * b.mass / SOLAR_MASS
    sun.vy = sun.vy - vy * b.mass / SOLAR_MASS
    sun.vz = sun.vz - vz * b.mass / SOLAR_MASS
  end
end

local bodies = {
  body(
    0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 1.0
  ),
  body(
    4.84143144246472090, -1.16032004402742839, -0.103622044471123109,
    0.00166007664274403694, 0.00769901118419740425, -0.0000690460016972063023, 0.000954791938424326609
  ),
  body(
    8.34336671824457987, 4.12479856412430479, -0.403523417114321381,
    -0.00276742510726411, 0.00499852801234917238, 0.0000230417297573763929, 0.000285885980666130812
  ),
  body(
    12.8943695621391310, -15.1111514016986312, -0.223307578892655734,
    0.00296460137564761618, 0.00237847173959480950, -0.0000296589568540237556, 0.0000436624404335156298
  ),
  body(
    15.3796971148509165, -25.9193146099879641, 0.179258772950371181,
    0.00268067772490389322, 0.00162824170038242295, -0.0000951592254519715870, 0.0000515138902046611451
  ),
}
offset_momentum(bodies)
print(string.format("%.9f", energy(bodies)))
advance(bodies, 0.01, steps)
print(string.format("%.9f", energy(bodies)))
