import sys

n = int(sys.argv[1]) if len(sys.argv) > 1 else 400


def mandelbrot(n, limit):
    inside = 0
    total = 0
    for j in range(n):
        ci = 2.0 * j / n - 1.0
        for i in range(n):
            cr = 3.0 * i / n - 2.0
            zr = zi = 0.0
            steps = 0
            while steps < limit and zr * zr + zi * zi <= 4.0:
                t = zr * zr - zi * zi + cr
                zi = 2.0 * zr * zi + ci
                zr = t
                steps += 1
            total += steps
            if steps == limit:
                inside += 1
    return inside, total


inside, total = mandelbrot(n, 100)
print(inside, total)
