"""Draws curves over logarithmic axes as SVG, one small panel for each group, readable on light and dark pages."""

import math
from html import escape

WIDTH, HEIGHT, COLUMNS = 440, 300, 2  # of a panel, and panels side by side
LEFT, RIGHT, TOP, BOTTOM = 62, 18, 58, 44  # around the plot of a panel
HEAD = 62
DECADES = 3  # that an axis of times shows at least, so that slopes can be compared
COLOURS = ["#3b82f6", "#ea580c", "#16a34a", "#a855f7"]
DASHES = ["", "7 3", "2 3", "9 3 2 3"]
STYLE = """
text { font: 12px "DejaVu Sans", Verdana, sans-serif; fill: #1f2937 }
.title { font-size: 14px; font-weight: bold }
.head { font-size: 17px; font-weight: bold }
.soft { fill: #6b7280 }
.grid { stroke: #9ca3af; stroke-opacity: .35; stroke-width: 1 }
.page { fill: #ffffff }
@media (prefers-color-scheme: dark) {
  text { fill: #e5e7eb }
  .soft { fill: #9ca3af }
  .page { fill: #0d1117 }
}
"""
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def time_text(seconds):
    """A time with the unit that suits it."""
    for unit, factor in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1:
            break
    else:
        unit, factor = "ns", 1e9
    value = seconds * factor
    return f"{value:.{0 if value >= 10 else 1}f} {unit}"


def decade(exponent):
    """A power of ten seconds, for an axis."""
    units = (("s", 0), ("ms", -3), ("µs", -6), ("ns", -9), ("ps", -12))
    unit, power = next((unit, power) for unit, power in units if exponent >= power)
    return f"{10 ** (exponent - power)} {unit}"


class Scale:
    """Maps values to places along a logarithmic axis of whole decades, as many as `least` or more."""

    def __init__(self, values, start, end, least=1):
        logs = [math.log10(value) for value in values]
        self.low, self.high = math.floor(min(logs) + 1e-9), math.ceil(max(logs) - 1e-9)
        while self.high - self.low < least:
            self.low, self.high = (self.low - 1, self.high) if (self.high - self.low) % 2 else (self.low, self.high + 1)
        self.start, self.end = start, end

    def __call__(self, value):
        return self.start + (math.log10(value) - self.low) / (self.high - self.low) * (self.end - self.start)

    def decades(self):
        return range(self.low, self.high + 1)


def text(x, y, words, kind="", anchor="start"):
    kind = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{kind} text-anchor="{anchor}">{escape(words)}</text>'


def line(x1, y1, x2, y2):
    return f'<line class="grid" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def panel(title, counted, curves, left, top):
    """One group of curves: a list of (label, {size: seconds})."""
    curves = [(label, curve) for label, curve in curves if curve]
    parts = [text(left + LEFT, top + 16, title, "title")]
    if not curves:
        return parts
    legend = 16 * len(curves)
    x0, x1 = left + LEFT, left + WIDTH - RIGHT
    y0, y1 = top + HEIGHT - BOTTOM, top + 30 + legend
    across = Scale([size for _, curve in curves for size in curve], x0, x1)
    up = Scale([seconds for _, curve in curves for seconds in curve.values()], y0, y1, DECADES)
    for exponent in across.decades():
        x = across(10**exponent)
        parts += [line(x, y0, x, y1), text(x, y0 + 17, f"10{str(exponent).translate(SUPERSCRIPTS)}", "soft", "middle")]
    for exponent in up.decades():
        y = up(10.0**exponent)
        parts += [line(x0, y, x1, y), text(x0 - 7, y + 4, decade(exponent), "soft", "end")]
    parts.append(text(x1, y0 + 34, f"{counted} in all", "soft", "end"))
    for (label, curve), colour, dash in zip(curves, COLOURS, DASHES):
        places = [(across(size), up(seconds)) for size, seconds in curve.items()]
        look = f'stroke="{colour}" stroke-width="2.2" fill="none" stroke-dasharray="{dash}"'
        y = top + 33 + 16 * [name for name, _ in curves].index(label)
        parts += [
            f'<path d="M{x0} {y - 4}h28" {look}/>',
            text(x0 + 36, y, label),
            f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}" {look}/>',
        ]
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
    return parts


def draw(panels, title, note):
    """The whole picture: panels are (title, what is counted, curves)."""
    panels = [panel for panel in panels if panel[2]]
    width, height = COLUMNS * WIDTH, HEAD + math.ceil(len(panels) / COLUMNS) * HEIGHT
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        '<rect class="page" width="100%" height="100%"/>',
        text(20, 28, title, "head"),
        text(20, 48, note, "soft"),
    ]
    for place, (name, counted, curves) in enumerate(panels):
        parts += panel(name, counted, curves, place % COLUMNS * WIDTH, HEAD + place // COLUMNS * HEIGHT)
    return "\n".join([*parts, "</svg>", ""])
