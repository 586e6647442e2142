"""Curves over the number of programs as SVG: one panel each, ours and the oracle's, both axes logarithmic. The colours can be
told apart on white and on black, and the text takes the reader's choice of the two."""

import math
from xml.sax.saxutils import escape

import table

WIDTH, HEIGHT = 300, 215
LEFT, RIGHT, TOP, BOTTOM = 52, 40, 34, 30
COLUMNS = 3
LEGEND = 34
WHO = (("ours", "supersede"), ("oracle", "Supervisor"))
STYLE = """\
text { font: 11px system-ui, sans-serif; fill: #24292f; }
.title { font-weight: 600; font-size: 12px; }
.tick { fill: #57606a; font-size: 10px; }
.grid { stroke: #8b949e; stroke-opacity: .35; stroke-width: 1; }
.curve { fill: none; stroke-width: 2.2; stroke-linejoin: round; }
.ours { stroke: #2f81f7; } .oracle { stroke: #d9730d; }
.dot.ours { fill: #2f81f7; } .dot.oracle { fill: #d9730d; }
text.ours { fill: #2f81f7; stroke: none; } text.oracle { fill: #d9730d; stroke: none; }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3; } .tick { fill: #9ea7b3; } }
"""


class Scale:
    """Logarithms of [low, high] to [start, end]; what is below, nothing included, stands at the start."""

    def __init__(self, low, high, start, end):
        self.low, self.start = low, start
        self.factor = (end - start) / (math.log10(high / low) or 1)

    def __call__(self, value):
        return self.start + self.factor * math.log10(max(value, self.low) / self.low)


def decades(values):
    """The powers of ten around all values; at least one step, at most six."""
    positive = [value for value in values if value > 0] or [1]
    high = math.ceil(math.log10(max(positive)) + 1e-9)
    low = max(min(math.floor(math.log10(min(positive))), high - 1), high - 6)
    return [10.0 ** power for power in range(low, high + 1)]


def text(x, y, words, kind="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def line(x1, y1, x2, y2):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="grid"/>'


def curve(points, who):
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
    yield f'<polyline points="{path}" class="curve {who}"/>'
    for x, y, _ in points:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" class="dot {who}"/>'
    x, y, value = points[-1]
    yield text(x + 6, y + 4, table.number(value), who)


def panel(title, rows):
    rows = sorted(rows, key=lambda row: row["count"])
    counts = [row["count"] for row in rows]
    ticks = decades([row[f"median_{who}"] for row in rows for who, _ in WHO])
    across = Scale(counts[0], counts[-1], LEFT, WIDTH - RIGHT)
    up = Scale(ticks[0], ticks[-1], HEIGHT - BOTTOM, TOP)
    yield text(LEFT - 44, 18, f"{title}, {rows[0]['unit']}", "title")
    for tick in ticks:
        yield line(LEFT, up(tick), WIDTH - RIGHT, up(tick))
        yield text(LEFT - 6, up(tick) + 3, f"{tick:,g}", "tick", "end")
    for count in counts:
        yield line(across(count), TOP, across(count), HEIGHT - BOTTOM)
        yield text(across(count), HEIGHT - BOTTOM + 14, f"{count:,}", "tick", "middle")
    for who, _ in WHO:
        yield from curve([(across(row["count"]), up(row[f"median_{who}"]), row[f"median_{who}"]) for row in rows], who)


def legend():
    x = LEFT - 44
    for who, name in WHO:
        yield f'<circle cx="{x + 5}" cy="16" r="4" class="dot {who}"/>'
        yield text(x + 15, 20, name)
        x += 110
    yield text(x, 20, "over the number of programs; both axes logarithmic, lower is better", "tick")


def as_svg(judged):
    """Of the rows that belong to a curve."""
    curves = {}
    for row in judged:
        if row.get("curve"):
            curves.setdefault(row["curve"], []).append(row)
    width = COLUMNS * WIDTH
    height = LEGEND + math.ceil(len(curves) / COLUMNS) * HEIGHT
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
             'role="img">', "<title>supersede and Supervisor, as the number of programs grows</title>",
             f"<style>{STYLE}</style>", *legend()]
    for index, (title, rows) in enumerate(curves.items()):
        x, y = index % COLUMNS * WIDTH, LEGEND + index // COLUMNS * HEIGHT
        parts += [f'<g transform="translate({x} {y})">', *panel(title, rows), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"
