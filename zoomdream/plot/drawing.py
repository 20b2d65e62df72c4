"""A plot as lines, dots and words at places, which SVG and PNG draw alike, and HTML shows with more to read."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from math import floor, log10
from textwrap import wrap

from zoomdream.encode.page import data_address, fill_template
from zoomdream.plot.panels import Curve, Panel, Plot, thinned

WIDTH = 960
_LEFT, _RIGHT, _TOP = 80, 24, 56
_HEIGHT, _LEGEND, _GAP = 96, 18, 26  # of the curves of a panel, of a line of names above them, between panels
_COLORS = ("#7cc4ff", "#ffb86b", "#8ee69a", "#ff8fa3", "#c6a5ff", "#f2e06d", "#6fe0d5", "#d9d9d9")
_GROUND, _FAINT, _PALE, _WORDS, _MARKS = "#16181c", "#343942", "#8a919e", "#c8ccd4", ("#ff6b6b", "#5d6b82")
_SCALE = 2  # pixels of a PNG to a unit of the drawing
_POINTS = 800  # of a curve


@dataclass(frozen=True, slots=True)
class Line:
    """Through points (x, y)."""

    points: tuple[tuple[float, float], ...]
    color: str
    width: float = 1


@dataclass(frozen=True, slots=True)
class Dot:
    """Around (x, y). told: what it stands for."""

    x: float
    y: float
    color: str
    told: str


@dataclass(frozen=True, slots=True)
class Image:
    """A PNG in a rectangle, whose upper left is (x, y)."""

    x: float
    y: float
    width: int
    height: int
    data: bytes

    @property
    def address(self) -> str:
        return data_address(self.data, "image/png")


@dataclass(frozen=True, slots=True)
class Words:
    """anchor: which end of them is at (x, y), the y of their baseline."""

    x: float
    y: float
    text: str
    color: str = _WORDS
    size: int = 12
    anchor: str = "start"


@dataclass(frozen=True, slots=True)
class Drawing:
    """Shapes on a ground of width and height; the first are below the others."""

    width: int
    height: int
    ground: str
    shapes: tuple[Line | Dot | Image | Words, ...]


def draw(plot: Plot) -> Drawing:
    """The panels below each other, all with the same time from left to right."""
    shapes: list[Line | Dot | Image | Words] = [
        Words(_LEFT, 24, plot.title, size=15),
        Words(_LEFT, 42, plot.length, _PALE),
    ]
    top: float = _TOP
    for picture in plot.pictures:
        top += _GAP
        shapes.append(Words(_LEFT, top + 10, picture.name, size=13))
        shapes.append(Image(_LEFT, top + _LEGEND, WIDTH - _LEFT - _RIGHT, _HEIGHT, picture.data))
        top += _LEGEND + _HEIGHT
    for panel in plot.panels:
        top += _GAP
        shapes += _panel(panel, plot, top)
        top += _LEGEND * len(panel.curves) + _HEIGHT
    bottom = top + _GAP / 2
    below: list[Line] = []  # the curves
    for tick in ticks(0, plot.seconds):
        x = _across(tick * plot.fps, plot)
        below.append(Line(((x, _TOP), (x, bottom)), _FAINT))
        shapes.append(Words(x, bottom + 16, f"{tick:g} s", _PALE, anchor="middle"))
    for number, marks in enumerate(plot.marks):
        color = _MARKS[number % len(_MARKS)]
        below += [Line(((x, _TOP), (x, bottom)), color) for x in (_across(frame, plot) for frame in marks.frames)]
        shapes.append(Words(WIDTH - _RIGHT, 24 + 18 * number, f"| {marks.name}", color, anchor="end"))
    height = bottom + 36
    for line in (*plot.notes, *(plot.constants and [f"does not move: {', '.join(plot.constants)}"])):
        for part in wrap(line, 130, break_long_words=False):
            shapes.append(Words(_LEFT, height, part, _PALE))
            height += 17
    return Drawing(WIDTH, round(height + 8), _GROUND, (*below, *shapes))


def svg(plot: Plot) -> str:
    """The plot as an SVG document."""
    return fill_template("plot.svg", drawing=draw(plot))


def html(plot: Plot, config: str) -> str:
    """A page with the plot; `config` is the text of the config, to read beside it."""
    return fill_template("plot.html", title=plot.title, drawing=draw(plot), config=config)


def png(plot: Plot) -> bytes:
    """The plot as a PNG, with two pixels to a unit of the SVG."""
    from PIL import Image as Image_
    from PIL import ImageDraw, ImageFont

    drawing = draw(plot)
    picture = Image_.new("RGB", (_SCALE * drawing.width, _SCALE * drawing.height), drawing.ground)
    pen = ImageDraw.Draw(picture)
    for shape in drawing.shapes:
        match shape:
            case Line(points, color, width):
                pen.line([(_SCALE * x, _SCALE * y) for x, y in points], color, round(_SCALE * width), "curve")
            case Dot(x, y, color):
                pen.circle((_SCALE * x, _SCALE * y), 3 * _SCALE, _GROUND, color, _SCALE)
            case Image(x, y, width, height, png_data):
                part = Image_.open(io.BytesIO(png_data)).resize((_SCALE * width, _SCALE * height))
                picture.paste(part, (round(_SCALE * x), round(_SCALE * y)))
            case Words(x, y, words, color, size, anchor):
                place = {"start": "ls", "middle": "ms", "end": "rs"}[anchor]
                pen.text((_SCALE * x, _SCALE * y), words, color, ImageFont.load_default(_SCALE * size), place)
    data = io.BytesIO()
    picture.save(data, "png")
    return data.getvalue()


def ticks(low: float, high: float, most: int = 8) -> list[float]:
    """Round numbers from low to high, 1, 2 or 5 times a power of ten apart, at most about `most`."""
    rough = (high - low) / most or 1
    power = 10 ** floor(log10(rough))
    step = next(step * power for step in (1, 2, 5, 10) if step * power >= rough)
    first = -floor(-low / step)
    return [number * step for number in range(first, floor(high / step + 1e-9) + 1)]


def _panel(panel: Panel, plot: Plot, top: float) -> Iterator[Line | Dot | Words]:
    """Names, the axis with its lowest and highest value, the curves and their keyframes."""
    low, high = panel.range
    base = top + _LEGEND * len(panel.curves) + _HEIGHT

    def up(value: float) -> float:
        return base - (value - low) / (high - low) * _HEIGHT

    for y, value in ((base, low), (base - _HEIGHT, high)):
        yield Line(((_LEFT, y), (WIDTH - _RIGHT, y)), _FAINT)
        yield Words(_LEFT - 8, y + 4, f"{value:.4g}", _PALE, anchor="end")
    for number, curve in enumerate(panel.curves):
        color = _COLORS[number % len(_COLORS)]
        unit = f", {panel.unit}" if panel.unit and not panel.unit.startswith("(") else f" {panel.unit}".rstrip()
        yield Words(_LEFT, top + 10 + _LEGEND * number, curve.name + unit, color, 13)
        yield Line(tuple((_across(frame, plot), up(value)) for frame, value in _points(curve)), color, 2)
        for frame, value in curve.keyframes:
            yield Dot(_across(frame, plot), up(value), color, f"{value:.4g} at {frame / plot.fps:.4g} s")


def _points(curve: Curve) -> list[tuple[float, float]]:
    """(frame, value) of each frame; of a long film the lowest and the highest value in each of many parts."""
    last = len(curve.values) - 1
    if last < _POINTS:
        return list(enumerate(curve.values))
    parts = enumerate(thinned(curve.values, _POINTS))
    return [((at + 0.5) / _POINTS * last, value) for at, part in parts for value in part]


def _across(frame: float, plot: Plot) -> float:
    return _LEFT + frame / max(plot.frames - 1, 1) * (WIDTH - _LEFT - _RIGHT)
