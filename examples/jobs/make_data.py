#!/usr/bin/env python3
"""Writes the input of the examples in this directory: data/stories/*.txt and data/access.log.

The same files come out at every run and with every version of Python: the random numbers are made here.
"""
from pathlib import Path

DATA = Path(__file__).parent / "data"

ANIMALS = "fox crow lion mouse hare tortoise wolf lamb frog ox ant cricket stork eagle goat bear".split()
PLACES = "river hill forest road well village garden bridge field mountain".split()
THINGS = "cheese stone pear basket rope lantern shell feather grain honey cup bell".split()
WORDS = "slow quick old young proud hungry clever quiet brave idle golden small".split()
DEEDS = "found carried lost hid wanted watched remembered praised dropped guarded".split()
LINKS = ["and", "but", "so", "because", "while", "for"]
OPENINGS = ["One day", "In the morning", "At noon", "Before the winter", "After the rain", "Long ago"]
MORALS = [
    "Slow and steady comes to the bridge.",
    "Who asks the river must listen to the river.",
    "The loudest bell is not the best bell.",
    "A small lantern is better than a great night.",
]

PATHS = [
    ("/", 4800), ("/api/items", 880), ("/img/logo.png", 14200), ("/news", 9200), ("/css/site.css", 2400),
    ("/api/orders", 1240), ("/news/today", 7100), ("/js/app.js", 18800), ("/search", 3300), ("/login", 1800),
    ("/shop", 6400), ("/shop/cart", 2900), ("/old/page", 310), ("/about", 3100), ("/contact", 2100),
]


class Random:
    """A linear congruential generator; its upper bits are good enough for text."""

    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % n

    def pick(self, items):
        """One of the items; the first ones more often, as with words in a language."""
        return items[min(self.below(len(items)), self.below(len(items)))]


def sentence(r):
    def somebody():
        return f"the {r.pick(WORDS)} {r.pick(ANIMALS)}"

    text = f"{r.pick(OPENINGS)}, {somebody()} {r.pick(DEEDS)} a {r.pick(THINGS)} by the {r.pick(PLACES)}"
    if r.below(2):
        text += f", {r.pick(LINKS)} {somebody()} {r.pick(DEEDS)} it"
    if r.below(3) == 0:
        text += f" near the {r.pick(PLACES)} of the {r.pick(ANIMALS)}"
    return text + "."


def story(seed):
    r = Random(seed)
    paragraphs = []
    for _ in range(18 + r.below(10)):
        lines = [sentence(r) for _ in range(5 + r.below(6))]
        paragraphs.append("\n".join(lines))
    return "\n\n".join(paragraphs) + "\n\n" + r.pick(MORALS) + "\n"


def access_log(count):
    r = Random(2024)
    second = 0
    for _ in range(count):
        second += r.below(2 * 86400 // count - 1)
        hour, minute = second // 3600, second // 60 % 60
        path, size = r.pick(PATHS)
        method = "POST" if path in ("/login", "/api/orders") and r.below(2) else "GET"
        status = 200
        if path == "/old/page":
            status = 404 if r.below(3) else 301
        elif path.startswith("/api/") and r.below(4 if 13 <= hour <= 15 else 30) == 0:
            status = 500 + 3 * r.below(2)
        elif path == "/login" and r.below(4) == 0:
            status = 403
        elif method == "GET" and r.below(9) == 0:
            status = 304
        sent = 0 if status == 304 else size + r.below(400)
        stamp = f"12/Mar/2024:{hour:02}:{minute:02}:{second % 60:02} +0000"
        yield f'10.0.{r.below(4)}.{1 + r.below(200)} - - [{stamp}] "{method} {path} HTTP/1.1" {status} {sent}\n'


def main():
    stories = DATA / "stories"
    stories.mkdir(parents=True, exist_ok=True)
    for i in range(1, 7):
        (stories / f"story_{i}.txt").write_text(story(i))
    (DATA / "access.log").write_text("".join(access_log(1800)))


if __name__ == "__main__":
    main()
