"""Times and rates as people write them, kept exact.

A time is `12s`, `150f` (frames), `00:01:30.5` or a number of seconds; a keyframe may also stand at a share, `80%`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

TIMES_ALLOWED = "seconds (12s or 12), frames (150f) or hours:minutes:seconds (00:01:30.5)"
LONGEST_SECONDS = 10_000_000
HIGHEST_RATE = 240
LARGEST_RATE_PART = 1_000_000  # ffmpeg keeps rates as two 32-bit numbers; and nobody means more digits than this

_AMOUNT = re.compile(r"(\d{1,12}(?:\.\d{1,12})?|\.\d{1,12})\s?(s|f|%|)")
_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,4}):(\d{1,2}(?:\.\d{1,12})?)")
_RATIO = re.compile(r"(\d{1,12})\s?/\s?(\d{1,12})")
_FRACTION = re.compile(r"(\d{1,18})/(\d{1,18})\s?s")  # seconds that no decimal gives, as `seconds_text` writes them


@dataclass(frozen=True, slots=True)
class Position:
    """A moment: `amount` seconds, frames, or percent of the way from the first frame to the last."""

    amount: Fraction
    unit: Literal["s", "f", "%"]

    def frame(self, frames: int, fps: Fraction) -> Fraction:
        """The frame at this moment, exact and so perhaps between two frames, in a film of `frames` frames."""
        match self.unit:
            case "s":
                return self.amount * fps
            case "f":
                return self.amount
            case "%":
                return self.amount * (frames - 1) / 100

    def __str__(self) -> str:
        return seconds_text(self.amount) if self.unit == "s" else decimal_text(self.amount) + self.unit


def parse_time(value: Any) -> Position:
    """A time: see the top of the file. Raises ValueError that says what is allowed."""
    position = parse_position(value, allowed=TIMES_ALLOWED)
    if position.unit == "%":
        raise ValueError(f"Allowed: {TIMES_ALLOWED}.")
    return position


def parse_position(value: Any, allowed: str = f"{TIMES_ALLOWED}, or a share of the way (80%)") -> Position:
    """A time or a share of the way (0% to 100%). Raises ValueError that says what is allowed."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"Allowed: {allowed}.")
    text = value.strip() if isinstance(value, str) else _plain(value)
    if clock := _CLOCK.fullmatch(text):
        hours, minutes, seconds = Fraction(clock[1] or 0), Fraction(clock[2]), Fraction(clock[3])
        if seconds >= 60 or (clock[1] is not None and minutes >= 60):
            raise ValueError("Minutes and seconds of hours:minutes:seconds stay below 60.")
        return Position(hours * 3600 + minutes * 60 + seconds, "s")
    if ratio := _FRACTION.fullmatch(text):
        if int(ratio[2]) == 0:
            raise ValueError(f"Allowed: {allowed}.")
        return _seconds(Fraction(int(ratio[1]), int(ratio[2])))
    amount = _AMOUNT.fullmatch(text)
    if amount is None:
        raise ValueError(f"Allowed: {allowed}.")
    number = Fraction(amount[1])
    match amount[2]:
        case "f":
            if number.denominator != 1:
                raise ValueError("Frames are counted in whole numbers.")
            return Position(number, "f")
        case "%":
            if number > 100:
                raise ValueError("A share of the way is between 0% and 100%.")
            return Position(number, "%")
        case _:
            return _seconds(number)


def _seconds(number: Fraction) -> Position:
    if number > LONGEST_SECONDS:
        raise ValueError(f"At most {LONGEST_SECONDS} seconds.")
    return Position(number, "s")


def parse_seconds(value: Any) -> Fraction:
    """A time in seconds; frames are none, because here nobody knows a rate. Raises ValueError: what is allowed."""
    if isinstance(value, Fraction):
        return value
    position = parse_time(value)
    if position.unit == "f":
        raise ValueError("Frames mean no time without a rate.")
    return position.amount


def parse_rate(value: Any) -> Fraction:
    """Frames per second, exact: 30, 29.97 (stays 2997/100), "30000/1001". Raises ValueError: what is allowed."""
    allowed = f'Allowed: 1 to {HIGHEST_RATE} frames per second, as a number or as a fraction such as "30000/1001".'
    if isinstance(value, Fraction):
        rate = value
    elif isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(allowed)
    else:
        text = value.strip() if isinstance(value, str) else _plain(value)
        if ratio := _RATIO.fullmatch(text):
            if int(ratio[2]) == 0:
                raise ValueError(allowed)
            rate = Fraction(int(ratio[1]), int(ratio[2]))
        elif re.fullmatch(r"\d{1,12}(\.\d{1,17})?", text):
            rate = Fraction(text)
        else:
            raise ValueError(allowed)
    if not 1 <= rate <= HIGHEST_RATE:
        raise ValueError(allowed)
    if max(rate.numerator, rate.denominator) > LARGEST_RATE_PART:
        raise ValueError('It has too many digits: write it as a fraction such as "30000/1001".')
    return rate


def rate_text(rate: Fraction) -> int | str:
    """How a resolved config writes a rate: 30, or "30000/1001"."""
    return rate.numerator if rate.denominator == 1 else f"{rate.numerator}/{rate.denominator}"


def seconds_text(value: Fraction) -> str:
    """How a resolved config writes seconds, exactly: 1.5s, or 1001/300s where no short decimal is exact."""
    decimal = 10**12 % value.denominator == 0  # what a time may have behind its point
    return f"{decimal_text(value) if decimal else value}s"


def decimal_text(value: Fraction) -> str:
    """The exact decimal of a fraction that came from a decimal: 3/2 is 1.5."""
    digits = 0
    while (value * 10**digits).denominator != 1:
        digits += 1
    text = f"{(value * 10**digits).numerator:0{digits + 1}d}"
    return f"{text[:-digits]}.{text[-digits:]}" if digits else text


def _plain(value: int | float) -> str:
    """A number without an exponent, 1e-3 as 0.001, so that one pattern reads numbers and text."""
    return format(Decimal(repr(value)), "f")
