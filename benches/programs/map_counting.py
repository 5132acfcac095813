import sys

n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_200_000
SYLLABLES = ["ba", "do", "ki", "lo", "me", "nu", "ra", "ti"]


def count(n):
    numbers = {}
    words = {}
    seed = 42
    for _ in range(n):
        seed = (seed * 1103515245 + 12345) % 2147483648
        k = seed // 65536 % 5000
        numbers[k] = numbers.get(k, 0) + 1
        word = SYLLABLES[k % 8] + SYLLABLES[k // 8 % 8]
        words[word] = words.get(word, 0) + 1
    return numbers, words


numbers, words = count(n)
print(len(numbers), len(words))
for k, times in sorted(numbers.items(), key=lambda item: (-item[1], item[0]))[:5]:
    print(k, times)
for word, times in sorted(words.items(), key=lambda item: (-item[1], item[0]))[:5]:
    print(word, times)
