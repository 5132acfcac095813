"""The twin of word_count.mp, without processes: establishes its expected output."""
from collections import Counter
from pathlib import Path

paths = list((Path(__file__).parent / "data" / "stories").glob("*.txt"))
totals = Counter()
for path in paths:
    totals.update(path.read_text().lower().replace(",", "").replace(".", "").split())
for word, n in sorted(totals.items(), key=lambda item: (-item[1], item[0]))[:10]:
    print(f"{n:>6} {word}")
print(f"{totals.total():>6} words, {len(totals)} of them different, in {len(paths)} files")
