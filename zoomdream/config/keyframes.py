"""Keyframes: values at moments, read as YAML gives them, and what the value is between them."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoomdream.config.curves import EASINGS, SMOOTH, check_easing, smooth_between
from zoomdream.config.expression import Evaluate, ExpressionError, Moment, UnreadableError, calls, compile_expression
from zoomdream.config.origin import did_you_mean
from zoomdream.config.units import Position, number_written, parse_measure, parse_position

if TYPE_CHECKING:
    from zoomdream.config.schedule import Limits

MOST_KEYFRAMES = 1000
_KEYFRAMES = "{0s: 1.2, 5s: 1.6}"


@dataclass(frozen=True, slots=True)
class Keyframes:
    """Values (numbers or expressions) at moments, the easing between them; held before the first and after the last.

    loop: not held, but the first comes again a whole film after itself.
    """

    points: tuple[tuple[Position, float | str], ...]
    ease: str
    loop: bool = False

    @classmethod
    def read(cls, tree: Mapping[Any, Any], limits: Limits, heard: Collection[str] = ()) -> Keyframes:
        """{keys: {0s: 1.2, 80%: "1 + u"}, ease: in_out_sine}, or {0s: 1.2, 80%: 1.5} alone. Raises ValueError that says
        what is allowed.
        """
        if any(str(name)[:1] in "0123456789." for name in tree) and "keys" not in tree:
            rest = {name: tree[name] for name in tree if str(name)[:1].isalpha()}
            tree = {"keys": {name: value for name, value in tree.items() if name not in rest}, **rest}
        unknown = [str(name) for name in tree if name not in ("keys", "ease", "loop")]
        if unknown:
            hint = _meant(tree) or did_you_mean(unknown[0], ("keys", "ease", "loop"))
            raise ValueError(f"Keyframes have no key {unknown[0][:40]!r}.{hint} Allowed: keys, ease, loop.")
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
                position = parse_position(moment)
                if position.musical and not heard:
                    raise ValueError("Beats and bars are those of music: add `music: {path: a song}` to the config.")
                points.append((position, read_value(value, limits, heard)))
            except ValueError as error:
                raise ValueError(f"At the keyframe {str(moment)[:40]}: {error}") from None
        return cls(tuple(points), check_easing("linear" if tree.get("ease") is None else tree["ease"]), loop)

    def tree(self) -> dict[str, Any]:
        looped = {"loop": True} if self.loop else {}
        return {"keys": {str(position): value for position, value in self.points}, "ease": self.ease, **looped}


def read_value(value: Any, limits: Limits, heard: Collection[str]) -> float | str:
    """A number or an expression, as YAML gives it. heard: the functions of the music. Raises ValueError."""
    value = parse_measure(value, limits.signs, "per second" in limits.unit)
    if isinstance(value, str):
        if (number := number_written(value)) and number != value.strip():
            if limits.log and value.strip().endswith("%"):  # 5% may be 5 % more, 135% is 1.35 times as much
                number = f"{float(number) / 100 + (float(number) < 50):g}"
            raise ValueError(f"Allowed: {limits.text}, without another unit, such as {number}.")
        try:
            compile_expression(value, heard)
        except ExpressionError as error:
            example = _example(value, error, heard)
            raise ExpressionError(f'The expression "{shortened(value)}" {error}.{example}') from None
        return value.strip()
    if isinstance(value, bool) or not isinstance(value, int | float):
        hint = _meant(value) or f" Allowed: {limits.text}, as a number, an expression of t, or keyframes: {_KEYFRAMES}."
        raise ValueError(hint.lstrip())
    if not limits.lowest <= value <= limits.highest:  # also where it is not a number at all
        raise ValueError(f"Allowed: {limits.text}.")
    return float(value)


def _example(text: str, error: ExpressionError, heard: Collection[str]) -> str:
    """What to write instead of a text that is no expression: the keyframes of other programs, "0: (1.2), 60: (1.5)", as
    they are written here, a product with its sign, else an example of each.
    """
    if hint := _meant(text):
        return hint
    product = re.sub(r"(?<![a-z])([\d.]+|\))\s*(?=[a-z(])", r"\1*", text)
    with suppress(ExpressionError):
        compile_expression(product, heard)
        return f" A product has its sign: {product.strip()}."
    return f" Such as 1.3 + 0.1*sin(t), or keyframes: {_KEYFRAMES}." if isinstance(error, UnreadableError) else ""


def _meant(value: Any) -> str:
    """How values from start to end, or keyframes as other programs have them, are written here; "" for all else."""
    if isinstance(value, Mapping):
        value = [value.get("start", value.get("from")), value.get("end", value.get("to"))]
    elif isinstance(value, str) and (ends := re.fullmatch(r"\s*([-\d.]+)\s*(?:->|→|to|\.\.\.?)\s*([-\d.]+)\s*", value)):
        value = [ends[1], ends[2]]
    if isinstance(value, list):
        if not 1 < len(value) <= 9 or not all(isinstance(one, int | float | str) for one in value):
            return ""
        pairs = [(f"{100 * number / (len(value) - 1):.4g}%", one) for number, one in enumerate(value)]
    elif pairs := re.findall(r"(\d+)\s*:\s*\(([^()]*)\)", str(value)):
        pairs = [(f"{frame}f", one.strip()) for frame, one in pairs]
    else:
        pairs = re.findall(r"([\d.]+(?:[a-z]+|%)?)\s*:\s*([-\d.]+)", str(value))
        pairs = [(moment if moment[-1:].isalpha() or "%" in moment else f"{moment}s", one) for moment, one in pairs]
    return f" Keyframes are written {{{', '.join(f'{moment}: {one}' for moment, one in pairs)}}}." if pairs else ""


def evaluator(value: float | str, heard: Collection[str]) -> Evaluate:
    """The function of the moment that a number or an expression is."""
    return compile_expression(value, heard) if isinstance(value, str) else lambda _moment: value


def called(value: object) -> Iterator[str]:
    """The functions that a value calls, if it is an expression."""
    return calls(value) if isinstance(value, str) else iter(())


def between(points: list[tuple[float, Evaluate]], ease: str, log: bool) -> Evaluate:
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


def shortened(text: str) -> str:
    """An expression as errors show it."""
    return text if len(text) <= 80 else text[:77] + "..."
