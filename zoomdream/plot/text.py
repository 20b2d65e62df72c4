"""Curves in characters, for a terminal: two dots across and four down in each, as Braille has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zoomdream.plot.panels import Curve, Plot, thinned

_ROWS = 3
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a Braille character, from above, left and right
_FEWEST = 20  # columns


def text(plot: Plot, columns: int, braille: bool = True) -> str:
    """The plot in lines of at most `columns` characters, as far as its names allow. braille: else plain characters."""
    width = max(_FEWEST, columns)
    lines = [f"{plot.title}: {plot.length}"]
    for panel in plot.panels:
        for curve in panel.curves:
            low, high = curve.range
            lines += ["", f"{curve.name}  {low:.4g} to {high:.4g} {panel.unit}".rstrip()]
            lines += _curve(curve, width, braille)
            if curve.keyframes:
                lines.append(_row((frame for frame, _ in curve.keyframes), plot.frames, width, "^"))
    for marks in plot.marks:
        lines += ["", f"{marks.name}:", _row(marks.frames, plot.frames, width, "|")]
    lines += ["", _times(plot.seconds, width)]
    lines += ["", *plot.notes] if plot.notes else []
    if plot.constants:
        lines += ["", "does not move:", *_wrapped(plot.constants, width)]
    return "\n".join(line.rstrip() for line in lines)


def _curve(curve: Curve, width: int, braille: bool) -> Iterator[str]:
    """The curve from above, each column with a line through all of its values."""
    across, down = (2 * width, 4 * _ROWS) if braille else (width, _ROWS)
    low, high = curve.range
    cells = [[False] * across for _ in range(down)]
    for column, (least, most) in enumerate(thinned(curve.values, across)):
        top, bottom = (round((high - value) / (high - low) * (down - 1)) for value in (most, least))
        for row in range(top, bottom + 1):
            cells[row][column] = True
    if not braille:
        yield from ("".join("*" if cell else " " for cell in row) for row in cells)
        return
    for row in range(0, down, 4):
        yield "".join(
            chr(0x2800 + sum(_DOTS[y][x] for y in range(4) for x in range(2) if cells[row + y][column + x]))
            for column in range(0, across, 2)
        ).replace("\u2800", " ")


def _row(frames: Iterator[float] | Sequence[float], length: int, width: int, mark: str) -> str:
    columns = {round(frame / max(length - 1, 1) * (width - 1)) for frame in frames}
    return "".join(mark if column in columns else " " for column in range(width))


def _times(seconds: float, width: int) -> str:
    """The beginning, the middle and the end, in seconds."""
    middle, end = f"{seconds / 2:.4g}s", f"{seconds:.4g}s"
    left = "0s" + middle.rjust(width // 2 - 2 + (len(middle) + 1) // 2)
    return left + end.rjust(width - len(left))


def _wrapped(words: Sequence[str], width: int) -> Iterator[str]:
    """The words, separated by commas, in lines that begin with two spaces."""
    line = ""
    for number, word in enumerate(words):
        added = word + ("," if number < len(words) - 1 else "")
        if line and len(line) + 1 + len(added) > width:
            yield line
            line = ""
        line += f" {added}" if line else f"  {added}"
    yield line
