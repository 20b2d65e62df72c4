"""Draws how the explained variance of each layer grew over a training run, from its checks.csv, as an SVG file.

python scripts/docs/training_curves.py docs/dreamnet_training.csv docs/dreamnet_training.svg
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 760, 420, 56, 24, 96, 44
COLOURS = ("#1b9e77", "#d95f02", "#7570b3", "#e7298a", "#66a61e", "#e6ab02", "#a6761d", "#666666", "#1f78b4", "#b2182b")


def draw(rows: Sequence[Mapping[str, str]]) -> str:
    """The picture; x is minutes of training, y the explained variance from 0 to the next tenth above the best."""
    layers = [name for name in rows[0] if name.startswith("mixed") or name == "logits"]
    longest = max(float(row["minutes"]) for row in rows)
    highest = max(float(row[layer]) for row in rows for layer in layers)
    tenths = int(highest * 10) + 1

    def place(minutes: float, share: float) -> str:
        x = LEFT + (WIDTH - LEFT - RIGHT) * minutes / longest
        y = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * max(share, 0) / (tenths / 10)
        return f"{x:.1f},{y:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"',
        ' font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="16">explained variance of each layer on photographs kept out of training</text>',
        f'<text x="{(LEFT + WIDTH - RIGHT) // 2}" y="{HEIGHT - 8}" text-anchor="middle">minutes</text>',
    ]
    for tenth in range(tenths + 1):
        left, right = place(0, tenth / 10), place(longest, tenth / 10)
        parts.append(f'<polyline points="{left} {right}" stroke="#ddd" fill="none"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{left.split(",")[1]}" text-anchor="end">{tenth / 10:.1f}</text>')
    for minutes in range(0, int(longest) + 1, 10):
        x = place(minutes, 0).split(",")[0]
        parts.append(f'<text x="{x}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{minutes}</text>')
    ends = sorted(layers, key=lambda layer: float(rows[-1][layer]))
    lowest_label = float("inf")
    for layer in reversed(ends):
        colour = COLOURS[layers.index(layer) % len(COLOURS)]
        points = " ".join(place(float(row["minutes"]), float(row[layer])) for row in rows)
        parts.append(f'<polyline points="{points}" stroke="{colour}" stroke-width="2" fill="none"/>')
        end = float(place(longest, float(rows[-1][layer])).split(",")[1])
        label = end if lowest_label == float("inf") else max(end, lowest_label + 13)  # none over another
        lowest_label = label
        text = f"{layer.removeprefix('mixed')} {float(rows[-1][layer]):.2f}"
        parts.append(f'<text x="{WIDTH - RIGHT + 6}" y="{label + 4:.1f}" fill="{colour}">{text}</text>')
    return "\n".join([*parts, "</svg>", ""])


def main(words: Sequence[str]) -> None:
    source, target = map(Path, words)
    with source.open(newline="", encoding="utf-8") as file:
        target.write_text(draw(list(csv.DictReader(file))), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
