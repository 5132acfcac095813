inf = float("inf"); nan = float("nan")
print(f"{inf:.2f} {-inf:.1f} {nan:.3f} {inf:6}| {nan:>6}| {inf:+} {inf:e} {nan:g} {inf:%} {inf:F} {nan:F} {-inf:08.1f}")
