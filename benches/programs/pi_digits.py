import sys

n = int(sys.argv[1]) if len(sys.argv) > 1 else 2500


def digits(n):
    found = []
    q, r, t, k, digit, odd = 1, 0, 1, 1, 3, 3
    while len(found) < n:
        if 4 * q + r - t < digit * t:
            found.append(digit)
            q, r, digit = 10 * q, 10 * (r - digit * t), 10 * (3 * q + r) // t - 10 * digit
        else:
            q, r, t, k, digit, odd = (
                q * k, (2 * q + r) * odd, t * odd, k + 1, (q * (7 * k + 2) + r * odd) // (t * odd), odd + 2,
            )
    return found


found = digits(n)
for i in range(0, n, 10):
    print("".join(map(str, found[i : i + 10])))
