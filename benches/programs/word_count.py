import sys
from collections import Counter

copies = int(sys.argv[1]) if len(sys.argv) > 1 else 750
SYLLABLES = ["ba", "do", "ki", "lo", "me", "nu", "ra", "ti"]


def story(lines):
    out = []
    seed = 42
    for _ in range(lines):
        words = []
        for _ in range(10):
            seed = (seed * 1103515245 + 12345) % 2147483648
            k = seed // 65536
            words.append(SYLLABLES[k % 8] + SYLLABLES[k // 8 % 8] + SYLLABLES[k // 64 % 3])
        words[0] = words[0].upper() + ","
        out.append(" ".join(words) + ".\n")
    return "".join(out)


text = story(200) * copies
counts = Counter()
for line in text.splitlines():
    counts.update(line.lower().replace(",", "").replace(".", "").split())
print(sum(counts.values()), "words,", len(counts), "of them different")
for word, n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:10]:
    print(word, n)
