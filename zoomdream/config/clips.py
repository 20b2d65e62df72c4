"""What a config leaves to its clip: size, rate, length, and times that are counted in the clip's frames."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any

from zoomdream.config.codecs import chroma_block, resolve_pixel_format
from zoomdream.config.defaults import is_clip
from zoomdream.config.explain import Problem, problem
from zoomdream.config.fields import LARGEST_EDGE, SMALLEST_EDGE
from zoomdream.config.schema import Config
from zoomdream.config.schema_encode import Encode
from zoomdream.config.schema_source import Footage, MovingSource, Still
from zoomdream.config.units import (
    HIGHEST_RATE,
    LARGEST_RATE_PART,
    parse_position,
    parse_rate,
    parse_seconds,
    rate_text,
    seconds_text,
)

LARGEST_BY_ITSELF = 960 * 540
"""Pixels of a film out of a picture that gives its size, at most: those of a film out of noise."""

_SLACK = Fraction(1, 1000)
"""Frames by which a time may miss a frame's and still mean it, as in source.clip: times in YAML have few digits."""


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What a config must know of a clip: size (height, width) as shown, frames per second, length in seconds; and
    whether its frames lie on the grid of that rate, else its rate is an average.
    """

    size: tuple[int, int]
    fps: Fraction
    seconds: Fraction
    grid: bool = True


AskClip = Callable[[Footage | Still], ClipFacts]
"""The facts of a clip, from its absolute path or its numbered pictures; of a picture only the size. Raises
InputError.
"""


def misplaced(data: dict[str, Any]) -> list[Problem]:
    """The problem of `flow`, which only clips have, in the plain values of another config."""
    if is_clip(data) or not data.get("flow"):
        return []
    source = data.get("source", {"kind": "noise"})
    kind = source.get("kind") if isinstance(source, dict) else None
    if kind not in ("noise", "image"):  # it was perhaps meant to be a clip: that is told already
        return []
    text = f"is for clips, and source.kind is {kind}. It needs `source: {{kind: video, path: a clip}}`."
    return [problem("flow", text)]


def in_seconds(data: dict[str, Any], clip_fps: Fraction) -> dict[str, Any]:
    """The plain values, with times that are counted in the clip's frames turned into seconds.

    What is no time stays as it is: the schema reports it.
    """

    def seconds(value: Any) -> Any:
        try:
            position = parse_position(value)
        except ValueError:
            return value
        return seconds_text(position.amount / clip_fps) if position.unit == "f" else value

    timed = {**data, "source": {key: seconds(value) for key, value in data["source"].items()}}
    flow = data.get("flow")
    if isinstance(flow, dict) and isinstance(flow.get("cuts"), list):
        timed["flow"] = {**flow, "cuts": [seconds(value) for value in flow["cuts"]]}
    return timed


def with_facts(data: dict[str, Any], facts: ClipFacts, encode: Encode) -> tuple[dict[str, Any], list[Problem]]:
    """The plain values, each valid by itself, with those that are left out filled in from the clip; and the problems of
    those that do not fit it.
    """
    filled = in_seconds(data, facts.fps)
    if "fps" not in filled:
        fps = facts.fps
        if max(fps.numerator, fps.denominator) > LARGEST_RATE_PART:  # an average: off by less than a frame in a month
            fps = fps.limit_denominator(LARGEST_RATE_PART // HIGHEST_RATE)
        try:
            filled["fps"] = rate_text(parse_rate(fps))
        except ValueError as error:
            text = f"is a clip of {float(facts.fps):g} frames per second, so give fps. {error}"
            return filled, [problem("source.path", text)]
    if "size" not in filled:
        filled["size"] = _fitting(facts.size, encode)
    problems = _outside(filled, facts)
    if not problems and "frames" not in filled and "duration" not in filled:
        start, end = _part(filled, facts)
        frames = filled["frames"] = frames_between(facts, parse_rate(filled["fps"]), start, end)
        if frames < 1:
            text = f"has {_rounded(end - start)} from its start to its end, which is not even one frame"
            problems = [problem("source", f"{text} at {filled['fps']} per second.")]
    return filled, problems


def size_of_picture(size: tuple[int, int], encode: Encode) -> list[int] | None:
    """The size of a film out of a picture of (height, width): its own, or one of the same shape where that is a
    photograph's, which would take hours. None where it is too small or too long for a film.
    """
    height, width = size
    scale = min(1.0, math.sqrt(LARGEST_BY_ITSELF / (height * width)))
    found = _fitting((int(height * scale), int(width * scale)), encode)
    return found if min(found) >= SMALLEST_EDGE and max(found) <= LARGEST_EDGE else None


def _fitting(size: tuple[int, int], encode: Encode) -> list[int]:
    """Width and height, rounded down to what the codec takes."""
    across, down = chroma_block(resolve_pixel_format(encode.codec, encode.pixel_format))
    return [size[1] // across * across, size[0] // down * down]


def too_long(config: Config, facts: ClipFacts, key: str) -> list[Problem]:
    """The problem of a render that is longer than its clip. key: the one that gives its length, frames or duration."""
    assert isinstance(config.source, MovingSource)
    start, end = config.source.start, facts.seconds if config.source.end is None else config.source.end
    there = frames_between(facts, config.fps, start, end)
    if config.frames <= there:
        return []
    until = "the end of the clip" if config.source.end is None else f"source.end ({_rounded(end)})"
    asked = f"asks for {config.frames} frames ({_rounded(config.frames / config.fps)})"
    text = f"{asked}, but from source.start ({_rounded(start)}) to {until} there are {there} ({_rounded(end - start)})."
    return [problem(key, f"{text} Allowed: as many, or leave it out.")]


def frames_between(facts: ClipFacts, fps: Fraction, start: Fraction, end: Fraction) -> int:
    """How many frames a part of a clip has at `fps`, by the rule of `source.clip.clip.frame_numbers`.

    At the rate of the clip's own grid they are those at start <= t < end: one more would begin the next shot, or repeat
    the clip's last frame. Else the clip is sampled: the seconds times the rate, rounded.
    """
    if facts.grid and fps == facts.fps:
        first, beyond = (ceil(moment * fps - _SLACK) for moment in (start, min(end, facts.seconds)))
        return beyond - first
    return int((end - start) * fps + Fraction(1, 2))


def _part(data: dict[str, Any], facts: ClipFacts) -> tuple[Fraction, Fraction]:
    """Start and end in seconds."""
    start, end = data["source"].get("start"), data["source"].get("end")
    return parse_seconds(0 if start is None else start), facts.seconds if end is None else parse_seconds(end)


def _outside(data: dict[str, Any], facts: ClipFacts) -> list[Problem]:
    """The problems of times outside the clip. Half a frame beyond its end is allowed: rounding does that."""
    start, end = _part(data, facts)
    latest = facts.seconds + 1 / (2 * facts.fps)
    there = f"the clip, which is {_rounded(facts.seconds)} long"
    problems = []
    if start >= facts.seconds:
        problems.append(problem("source.start", f"({_rounded(start)}) is not inside {there}."))
    elif start >= end:
        problems.append(problem("source.start", f"({_rounded(start)}) is not before source.end ({_rounded(end)})."))
    if end > latest:
        text = f"({_rounded(end)}) is beyond the end of {there}. Leave it out to take all there is."
        problems.append(problem("source.end", text))
    cuts = (data.get("flow") or {}).get("cuts")
    for index, cut in enumerate(cuts if isinstance(cuts, list) else []):
        if parse_seconds(cut) > latest:
            text = f"({_rounded(parse_seconds(cut))}) is beyond the end of {there}."
            problems.append(problem(f"flow.cuts.{index}", text))
    return problems


def _rounded(seconds: Fraction) -> str:
    """Seconds as errors write them: at most three decimals."""
    return f"{float(seconds):.3f}".rstrip("0").rstrip(".") + " s"
