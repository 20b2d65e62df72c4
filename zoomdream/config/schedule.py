"""A number that may change over time: a constant, an expression, or keyframes. One value per frame comes out."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from zoomdream.config.curves import EASINGS, NAMES
from zoomdream.config.expression import Evaluate, ExpressionError, Moment
from zoomdream.config.keyframes import Keyframes, between, called, evaluator, read_value, shortened
from zoomdream.config.signals import Signals
from zoomdream.errors import ConfigError

_IN_OUT = EASINGS["in_out_quad"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The range of a schedule, its unit, and whether keyframes are interpolated in log scale.

    In an annotation, `zoom: Annotated[Schedule, Limits(...)]`, it also reads what the YAML says. signs: units that may
    stand behind a number, apart by spaces ("deg °", "%").
    """

    lowest: float
    highest: float
    unit: str
    log: bool = False
    signs: str = ""

    @property
    def text(self) -> str:
        return f"{self.lowest:g} to {self.highest:g} {self.unit}".rstrip()

    def read(self, value: Any, heard: Collection[str] = ()) -> Schedule:
        """What the YAML says, as a Schedule. heard: the functions of the config's music. Raises ValueError that says
        what is allowed.
        """
        if isinstance(value, Schedule):
            return replace(value, limits=self)
        try:
            return Schedule(
                Keyframes.read(value, self, heard) if isinstance(value, Mapping) else read_value(value, self, heard),
                self,
            )
        except ValueError as error:  # pydantic takes no half characters ("\\uD800"), which the value may hold
            raise type(error)(str(error).encode("utf-8", "backslashreplace").decode()) from None

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        writer = core_schema.plain_serializer_function_ser_schema(Schedule.tree)
        return core_schema.with_info_plain_validator_function(
            lambda value, info: self.read(value, info.context or ()), serialization=writer
        )

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        number = {"type": "number", "minimum": self.lowest, "maximum": self.highest, "description": self.text}
        expression = {"type": "string", "description": "an expression of t, frame, frames, u, fps, seed and music"}
        value = {"anyOf": [number, expression]}
        ease = {"enum": list(NAMES), "default": "linear", "description": "how the value goes from key to key"}
        keyframes = {
            "type": "object",
            "description": "keyframes at seconds (5s), frames (150f), a share (80%) or beats (16b), in `keys` or alone",
            "properties": {
                "keys": {"type": "object", "minProperties": 1, "additionalProperties": value},
                "ease": ease,
                "loop": {"type": "boolean", "default": False, "description": "whether it returns to the first key"},
            },
            "patternProperties": {"^[0-9.]": value},
            "additionalProperties": False,
        }
        return {"anyOf": [number, expression, keyframes]}


ANY_NUMBER = Limits(-math.inf, math.inf, "")


@dataclass(frozen=True, slots=True)
class Schedule:
    """A number over time. Compared and hashed by what it says and its range, not by where it was written.

    `key` names it in errors. `timeline` is the number of frames that `u`, `frames` and `80%` refer to, where a render
    is only the beginning of a longer film (a preview); None: the render's own. closing: the frames in which the end of
    a loop becomes its beginning; 0 where it is none. The end of a loop, 100%, is its first frame again. `signals` are
    those of its music.
    """

    source: float | str | Keyframes
    limits: Limits = ANY_NUMBER
    key: str = field(default="", compare=False)
    timeline: int | None = field(default=None, compare=False)
    closing: int = field(default=0, compare=False)
    signals: Signals | None = field(default=None, compare=False)

    @property
    def constant(self) -> float | None:
        """The number, where it never changes and is written as one; else None."""
        return self.source if isinstance(self.source, float) else None

    def bound(self, key: str, timeline: int | None, closing: int = 0, signals: Signals | None = None) -> Schedule:
        """The same schedule, knowing its key, its timeline, its loop and its music."""
        return replace(self, key=key, timeline=timeline, closing=closing, signals=signals)

    def asks(self) -> set[str]:
        """The functions that it calls, and "beats" where it has keyframes at beats or bars."""
        points = self.source.points if isinstance(self.source, Keyframes) else ()
        found = {name for value in (self.source, *(value for _, value in points)) for name in called(value)}
        return found | {"beats" for position, _ in points if position.musical}

    def tree(self) -> float | str | dict[str, Any]:
        """What the YAML of a resolved config says."""
        return self.source.tree() if isinstance(self.source, Keyframes) else self.source

    def values(self, frames: int, fps: Fraction, seed: int) -> list[float]:
        """The value at each of the frames 0..frames-1. Raises ConfigError that names the key and the time.

        That is where a value is not finite, does not exist or is outside of the range. fps in frames per second.
        """
        if isinstance(self.source, float):
            return [self._checked(self.source, 0, fps)] * frames
        evaluate, moment = self._evaluator(frames, fps), self._clock(frames, fps, seed)
        return [self._value(evaluate, moment(frame), fps) for frame in range(frames)]

    def at(self, frame: float, frames: int, fps: Fraction, seed: int) -> float:
        """The value at one moment, also between two frames; else as `values`."""
        if isinstance(self.source, float):
            return self._checked(self.source, 0, fps)
        return self._value(self._evaluator(frames, fps), self._clock(frames, fps, seed)(frame), fps)

    def _clock(self, frames: int, fps: Fraction, seed: int) -> Callable[[float], Moment]:
        length, rate, closing = self.timeline or frames, float(fps), self.closing
        last = length if closing else max(length - 1, 1)

        def moment(frame: float) -> Moment:
            return Moment(frame / rate, float(frame), float(length), frame / last, rate, seed, self.signals)

        def in_loop(frame: float) -> Moment:
            share = _IN_OUT(min(max((frame - length + closing) / closing, 0), 1))
            return moment(frame)._replace(earlier=(moment(frame - length), share))

        return in_loop if closing else moment

    def _value(self, evaluate: Evaluate, moment: Moment, fps: Fraction) -> float:
        try:
            value = evaluate(moment)
        except ExpressionError as error:
            text = f"the expression {error} at {_when(moment.frame, fps)}.{self._shown()}"
            raise ConfigError(text, key=self.key) from None
        return self._checked(value, moment.frame, fps)

    def _evaluator(self, frames: int, fps: Fraction) -> Evaluate:
        if isinstance(self.source, Keyframes):
            return between(self._placed(self.source, self.timeline or frames, fps), self.source.ease, self.limits.log)
        return evaluator(self.source, self._heard)

    @property
    def _heard(self) -> Collection[str]:
        return self.signals.names if self.signals else ()

    def _placed(self, keyframes: Keyframes, length: int, fps: Fraction) -> list[tuple[float, Evaluate]]:
        """(frame, value) of each keyframe in the order of time."""
        whole = length + 1 if self.closing or keyframes.loop else length
        points = (
            (float(position.frame(whole, fps, self.signals)), str(position), evaluator(value, self._heard))
            for position, value in keyframes.points
        )
        placed = sorted(points, key=lambda point: point[0])
        for (frame, name, _), (next_frame, next_name, _) in pairwise(placed):
            # Shares of the way meet other keyframes in a film of few frames; then the later one counts.
            if frame == next_frame and (name == next_name or "%" not in name + next_name):
                raise ConfigError(f"two keyframes are at the same moment: {name} and {next_name}.", key=self.key)
        found = [(frame, value) for frame, _, value in placed]
        if keyframes.loop:  # two more on either side, as `smooth` looks at four
            around = [[(frame + turn * length, value) for frame, value in found] for turn in (-2, -1, 1, 2)]
            found = [*(around[0] + around[1])[-2:], *found, *(around[2] + around[3])[:2]]
        return found

    def _checked(self, value: float, frame: float, fps: Fraction) -> float:
        if self.limits.lowest <= value <= self.limits.highest and math.isfinite(value):
            return value
        when = "" if isinstance(self.source, float) else f" at {_when(frame, fps)}"
        text = f"the value is {value:.6g}{when}. Allowed: {self.limits.text}.{self._shown()}"
        raise ConfigError(text, key=self.key)

    def _shown(self) -> str:
        return f' The expression is "{shortened(self.source)}".' if isinstance(self.source, str) else ""


def constant(value: float) -> Schedule:
    """A schedule that never changes."""
    return Schedule(float(value))


def _when(frame: float, fps: Fraction) -> str:
    return f"{frame / float(fps):.6g} s (frame {frame:g})"
