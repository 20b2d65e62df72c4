"""What a config probably does not mean: no error, but worth a word.

Schedules of which a part is never reached, as where keyframes are numbered by frames, that never move, or that jump
where a loop closes, or one that closes in few dreams; a file that says nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

from zoomdream.config.fields import schedules
from zoomdream.config.keyframes import Keyframes
from zoomdream.config.origin import OUTPUT_OPTION, dotted
from zoomdream.config.override import SET
from zoomdream.config.schedule import Schedule
from zoomdream.config.schema import Config
from zoomdream.config.units import Position, seconds_text

_CLOSING_DREAMS = 16
"""In which a loop closes unseen: with 24 no neighbours differ by more than 1.3 times the median, with 9 by 1.75."""

_MOMENTS = 500  # at which it is looked whether a schedule moves


def warnings(config: Config) -> Iterator[str]:
    """What a person should hear before the render: place, key, and the likely meaning."""
    if config.music is not None and config.music.path and config.encode.audio == "source" and not config.is_clip:
        text = "schedules follow the song, and the video is silent. `encode.audio` with the same path lets it be heard."
        yield f"{config.place('music.path')}: music.path: {text}"
    written = (place.name for place in config.origin.places.values())
    if all(name == OUTPUT_OPTION or name.startswith(SET) for name in written):
        yield f"{config.origin.root}: there is no key in it, so that all of them have their defaults."
    dreams = config.closing / float(config.dream.every or max(config.fps / Fraction(config.dream.rate), Fraction(1)))
    if config.loop and not config.camera.contains_itself and dreams < _CLOSING_DREAMS:
        text = f"{seconds_text(config.closing / config.fps)} is time for {round(dreams)} dreams, so that the beginning "
        text += f"comes in large pieces. {_CLOSING_DREAMS} or more hide it: close for longer, or raise dream.rate."
        yield f"{config.place('loop')}: loop: {text}"
    length = config.timeline or config.frames
    for path, schedule in schedules(config):
        key = dotted(path)
        told = [*_unreached(schedule, length, config.fps)] or [*_unmoved(schedule, length, config.fps, config.seed)]
        for text in (*told, *(_jump(schedule, config) if config.loop else ())):
            yield f"{config.place(key)}: {key}: {text}"


def _jump(schedule: Schedule, config: Config) -> Iterator[str]:
    """The change from the last frame of a loop to the first, where it is larger than any other from frame to frame."""
    values = schedule.values(config.frames, config.fps, config.seed)
    largest = max((abs(after - before) for before, after in pairwise(values)), default=0.0)
    if abs(values[0] - values[-1]) > 2 * largest + 1e-3 * abs(values[0]):
        yield (
            f"it jumps where the loop closes, from {values[-1]:.4g} to {values[0]:.4g}. What fits into the film, such "
            "as sin(2*pi*u), closes by itself, and so do noise() and keyframes with `loop: true`."
        )


def _unmoved(schedule: Schedule, length: int, fps: Fraction, seed: int) -> Iterator[str]:
    """Several keyframes between which nothing changes."""
    source = schedule.source
    if length == 1 or not isinstance(source, Keyframes) or len(source.points) == 1:
        return
    frames = {number * (length - 1) // _MOMENTS for number in range(_MOMENTS + 1)}
    first, *others = (schedule.at(frame, length, fps, seed) for frame in sorted(frames))
    if all(value == first for value in others):
        yield f"this never moves: its {len(source.points)} keyframes make {first:g} of it all the time."


def _unreached(schedule: Schedule, length: int, fps: Fraction) -> Iterator[str]:
    end = f"the end of the film ({seconds_text(length / fps)}, {length} frames)"
    points = schedule.source.points if isinstance(schedule.source, Keyframes) else ()
    if beyond := [moment for moment, _ in points if moment.frame(length, fps, schedule.signals) > length]:
        yield _told(beyond, len(points), end) + _meant(beyond, length)
    values: list[object] = [value for _, value in points] or [schedule.source]
    for value in values:
        for part, name in _comparisons(value, {"t": float(length / fps), "frame": float(length), "u": 1.0}):
            unit = {"t": "t counts seconds", "frame": "frame counts frames", "u": "u goes from 0 to 1"}[name]
            yield f'"{part}" looks for a moment beyond {end}, so that its answer never changes; {unit}.'


def _told(beyond: Sequence[Position], count: int, end: str) -> str:
    """The sentence about the keyframes beyond the end, of `count` in all."""
    if len(beyond) == count > 1:
        return f"all keyframes lie beyond {end}: the value stays that of the first."
    names = ", ".join(str(moment) for moment in beyond[:5]) + (", ..." if len(beyond) > 5 else "")
    several = len(beyond) > 1
    where = f"the keyframes at {names} lie" if several else f"the keyframe at {names} lies"
    return f"{where} beyond {end}: {'their values are' if several else 'its value is'} never reached."


def _meant(beyond: Sequence[Position], length: int) -> str:
    """What was probably meant by moments beyond the end."""
    for moment in beyond:
        if moment.bare and moment.amount.denominator == 1 and moment.amount <= 2 * length:
            return f" A number alone means seconds; frame {moment.amount} is written {moment.amount}f."
    return f" Frames are counted from 0f to {length - 1}f." if beyond[0].unit == "f" else ""


def _comparisons(value: object, ends: dict[str, float]) -> Iterator[tuple[str, str]]:
    """The parts of an expression that set a moment against a number beyond its end, each with the moment's name."""
    if not isinstance(value, str):
        return
    for node in ast.walk(ast.parse(value.strip(), mode="eval")):
        pair: Sequence[ast.expr] = ()
        if isinstance(node, ast.Compare) and len(node.comparators) == 1:
            pair = (node.left, node.comparators[0])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "smoothstep":
            pair = (node.args[0], node.args[2])
        names = [part.id for part in pair if isinstance(part, ast.Name) and part.id in ends]
        numbers = [part.value for part in pair if isinstance(part, ast.Constant) and not isinstance(part.value, str)]
        if names and numbers and float(numbers[0]) > ends[names[0]]:  # type: ignore[arg-type]
            yield ast.unparse(node), names[0]
