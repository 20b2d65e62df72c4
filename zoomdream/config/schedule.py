"""A number that may change over time: a constant, an expression, or keyframes. One value per frame comes out."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from zoomdream.config.curves import EASINGS, NAMES, SMOOTH, check_easing, smooth_between
from zoomdream.config.expression import Evaluate, ExpressionError, Moment, compile_expression
from zoomdream.config.units import Position, number_written, parse_measure, parse_position
from zoomdream.errors import ConfigError

MOST_KEYFRAMES = 1000
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

    def read(self, value: Any) -> Schedule:
        """What the YAML says, as a Schedule. Raises ValueError that says what is allowed."""
        if isinstance(value, Schedule):
            return replace(value, limits=self)
        try:
            return Schedule(
                Keyframes.read(value, self) if isinstance(value, Mapping) else _read_value(value, self), self
            )
        except ValueError as error:  # pydantic takes no half characters ("\\uD800"), which the value may hold
            raise type(error)(str(error).encode("utf-8", "backslashreplace").decode()) from None

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        writer = core_schema.plain_serializer_function_ser_schema(Schedule.tree)
        return core_schema.no_info_plain_validator_function(self.read, serialization=writer)

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        number = {"type": "number", "minimum": self.lowest, "maximum": self.highest, "description": self.text}
        expression = {"type": "string", "description": "an expression of t, frame, frames, u, fps and seed"}
        value = {"anyOf": [number, expression]}
        ease = {"enum": list(NAMES), "default": "linear", "description": "how the value goes from key to key"}
        keyframes = {
            "type": "object",
            "description": "keyframes at seconds (5s), frames (150f) or a share of the way (80%), in `keys` or alone",
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
class Keyframes:
    """Values (numbers or expressions) at moments, the easing between them; held before the first and after the last.

    loop: not held, but the first comes again a whole film after itself.
    """

    points: tuple[tuple[Position, float | str], ...]
    ease: str
    loop: bool = False

    @classmethod
    def read(cls, tree: Mapping[Any, Any], limits: Limits) -> Keyframes:
        """{keys: {0s: 1.2, 80%: "1 + u"}, ease: in_out_sine}, or {0s: 1.2, 80%: 1.5} alone. Raises ValueError that says
        what is allowed.
        """
        if any(str(name)[:1] in "0123456789." for name in tree) and "keys" not in tree:
            rest = {name: tree[name] for name in ("ease", "loop") if name in tree}
            tree = {"keys": {name: value for name, value in tree.items() if name not in rest}, **rest}
        unknown = [str(name) for name in tree if name not in ("keys", "ease", "loop")]
        if unknown:
            raise ValueError(f"Keyframes have no key {unknown[0][:40]!r}. Allowed: keys, ease, loop.")
        loop = tree.get("loop") or False
        if not isinstance(loop, bool):
            raise ValueError("Whether keyframes loop is true or false.")
        keys = tree.get("keys")
        if not isinstance(keys, Mapping) or not keys:
            raise ValueError("Keyframes need moments, such as {0s: 1.2, 5s: 1.6, ease: in_out_sine}.")
        if len(keys) > MOST_KEYFRAMES:
            raise ValueError(f"There are {len(keys)} keyframes. At most {MOST_KEYFRAMES} are allowed.")
        points = []
        for moment, value in keys.items():
            try:
                points.append((parse_position(moment), _read_value(value, limits)))
            except ValueError as error:
                raise ValueError(f"At the keyframe {str(moment)[:40]}: {error}") from None
        return cls(tuple(points), check_easing("linear" if tree.get("ease") is None else tree["ease"]), loop)

    def tree(self) -> dict[str, Any]:
        looped = {"loop": True} if self.loop else {}
        return {"keys": {str(position): value for position, value in self.points}, "ease": self.ease, **looped}


@dataclass(frozen=True, slots=True)
class Schedule:
    """A number over time. Compared and hashed by what it says and its range, not by where it was written.

    `key` names it in errors. `timeline` is the number of frames that `u`, `frames` and `80%` refer to, where a render
    is only the beginning of a longer film (a preview); None: the render's own. closing: the frames in which the end of
    a loop becomes its beginning; 0 where it is none. The end of a loop, 100%, is its first frame again.
    """

    source: float | str | Keyframes
    limits: Limits = ANY_NUMBER
    key: str = field(default="", compare=False)
    timeline: int | None = field(default=None, compare=False)
    closing: int = field(default=0, compare=False)

    @property
    def constant(self) -> float | None:
        """The number, where it never changes and is written as one; else None."""
        return self.source if isinstance(self.source, float) else None

    def bound(self, key: str, timeline: int | None, closing: int = 0) -> Schedule:
        """The same schedule, knowing its key, its timeline and its loop."""
        return replace(self, key=key, timeline=timeline, closing=closing)

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
            return Moment(frame / rate, float(frame), float(length), frame / last, rate, seed)

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
            return _between(self._placed(self.source, self.timeline or frames, fps), self.source.ease, self.limits.log)
        return _evaluate(self.source)

    def _placed(self, keyframes: Keyframes, length: int, fps: Fraction) -> list[tuple[float, Evaluate]]:
        """(frame, value) of each keyframe in the order of time."""
        whole = length + 1 if self.closing or keyframes.loop else length
        points = (
            (float(position.frame(whole, fps)), str(position), _evaluate(value)) for position, value in keyframes.points
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
        return f' The expression is "{_short(self.source)}".' if isinstance(self.source, str) else ""


def constant(value: float) -> Schedule:
    """A schedule that never changes."""
    return Schedule(float(value))


def _read_value(value: Any, limits: Limits) -> float | str:
    value = parse_measure(value, limits.signs, "per second" in limits.unit)
    if isinstance(value, str):
        if (number := number_written(value)) and number != value.strip():
            if limits.log and value.strip().endswith("%"):  # 5% may be 5 % more, 135% is 1.35 times as much
                number = f"{float(number) / 100 + (float(number) < 50):g}"
            raise ValueError(f"Allowed: {limits.text}, without another unit, such as {number}.")
        try:
            compile_expression(value)
        except ExpressionError as error:
            raise ExpressionError(f'The expression "{_short(value)}" {error}.{_deforum(value)}') from None
        return value.strip()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"Allowed: {limits.text}, as a number, an expression of t, or keyframes.")
    if not limits.lowest <= value <= limits.highest:  # also where it is not a number at all
        raise ValueError(f"Allowed: {limits.text}.")
    return float(value)


def _deforum(text: str) -> str:
    """The keyframes of other programs, "0: (1.2), 60: (1.5)", as they are written here; "" where it has none."""
    pairs = re.findall(r"(\d+)\s*:\s*\(([^()]*)\)", text)
    keyframes = ", ".join(f"{frame}f: {value.strip()}" for frame, value in pairs)
    return f" Keyframes are written {{{keyframes}}}." if pairs else ""


def _evaluate(value: float | str) -> Evaluate:
    return compile_expression(value) if isinstance(value, str) else lambda _moment: value


def _between(points: list[tuple[float, Evaluate]], ease: str, log: bool) -> Evaluate:
    """The value between keyframes. Both sides are worked out at the moment itself, so that expressions blend."""
    times = [frame for frame, _ in points]
    sides = [_logarithm(value) if log else value for _, value in points]
    finish = math.exp if log else float

    def evaluate(moment: Moment) -> float:
        after = bisect_right(times, moment.frame)
        if after == 0 or after == len(times):
            return points[min(after, len(times) - 1)][1](moment)
        start, end = after - 1, after
        if ease == SMOOTH:
            four = (max(start - 1, 0), start, end, min(end + 1, len(times) - 1))
            before, left, right, beyond = (sides[index](moment) for index in four)
            frames = (times[four[0]], times[start], times[end], times[four[3]])
            return finish(smooth_between(frames, (before, left, right, beyond), moment.frame))
        share = EASINGS[ease]((moment.frame - times[start]) / (times[end] - times[start]))
        left = sides[start](moment)
        return finish(left + (sides[end](moment) - left) * share)

    return evaluate


def _logarithm(value: Evaluate) -> Evaluate:
    def evaluate(moment: Moment) -> float:
        number = value(moment)
        if number <= 0:
            raise ExpressionError(f"at a keyframe is {number:.6g}, which is not above 0,")
        return math.log(number)

    return evaluate


def _when(frame: float, fps: Fraction) -> str:
    return f"{frame / float(fps):.6g} s (frame {frame:g})"


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
