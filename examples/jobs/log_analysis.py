"""The twin of log_analysis.mp, without processes: establishes its expected output."""
from collections import Counter
from pathlib import Path

status, page, errors = Counter(), Counter(), Counter()
for line in (Path(__file__).parent / "data" / "access.log").read_text().splitlines():
    fields = line.split()
    status[fields[8]] += 1
    page[fields[6]] += 1
    if int(fields[8]) >= 500:
        errors[fields[3].split(":")[1] + "h"] += 1
for kind, counts in ("status", status), ("page", page), ("errors at", errors):
    for name, n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:5]:
        print(f"{kind} {name}: {n}")
