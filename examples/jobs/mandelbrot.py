"""The twin of mandelbrot.mp, without processes: establishes its expected output."""
WIDTH, HEIGHT, LIMIT = 76, 32, 500
SHADES = " .:-=+*#%"


def steps(cx, cy):
    x, y, n = 0.0, 0.0, 0
    while n < LIMIT and x * x + y * y <= 4:
        x, y = x * x - y * y + cx, 2 * x * y + cy
        n += 1
    return n


for j in range(HEIGHT):
    counts = [steps(i * 3.0 / WIDTH - 2.2, j * 2.4 / HEIGHT - 1.2) for i in range(WIDTH)]
    print("".join("@" if n == LIMIT else SHADES[min(n // 2, 8)] for n in counts))
