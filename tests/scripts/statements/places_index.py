grid = [[0 for _ in range(3)] for _ in range(2)]
for i in range(2):
    for j in range(3): grid[i][j] = i * 10 + j
grid[-1][-1] = "end"
print(grid)
cube = [[[0, 0], [0, 0]], [[0, 0], [0, 0]]]
cube[1][0][1] = 5
cube[0] = "replaced"
print(cube)
m = {}
m["k"] = {}
m["k"]["j"] = [1]
m["k"]["j"][0] = 2
m[3] = "three"
print(m)
