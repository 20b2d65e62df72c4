"""Times, rates and amounts of memory as people write them, kept exact.

A time is `12s`, `1m30s`, `500ms`, `150f` (frames), `00:01:30.5` or a number of seconds; a keyframe may also stand at a
share, `80%`, and where there is music at a beat or a bar of it, `16b` or `4bars`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from zoomdream.config.signals import Signals, Unit

TIMES_ALLOWED = "seconds (12s or 12), minutes (1m30s), frames (150f) or hours:minutes:seconds (00:01:30.5)"
LONGEST_SECONDS = 10_000_000
HIGHEST_RATE = 240
LARGEST_RATE_PART = 1_000_000  # ffmpeg keeps rates as two 32-bit numbers, and no real rate needs more digits
LEAST_MEMORY, MOST_MEMORY = 2**30, 2**44
MEMORY_ALLOWED = "an amount from 1 GiB to 16 TiB with its unit, such as 6 GiB, 6000 MB or 6G (which is 6 GiB)"

_NUMBER = r"(\d{1,12}(?:\.\d{1,12})?|\.\d{1,12})"
_AMOUNT = re.compile(rf"{_NUMBER}\s?(f|%|bars?|b(?:eats?)?|)(?:(?<=f)rames?)?")
_UNITS = {
    "h(?:(?:ou)?rs?)?": Fraction(3600),
    "m(?:in(?:ute)?s?)?": Fraction(60),
    "s(?:ec(?:ond)?s?)?": Fraction(1),
    "ms": Fraction(1, 1000),
}
_SPAN = re.compile(r"\s?".join(rf"(?:{_NUMBER}\s?{unit})?" for unit in _UNITS), re.IGNORECASE)
_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,4}):(\d{1,2}(?:\.\d{1,12})?)")
_FRACTION = re.compile(r"(\d{1,18})/(0*[1-9]\d{0,17})\s?s")  # seconds that no decimal gives: see `seconds_text`
_RATE = re.compile(r"(?:(\d{1,12})\s?/\s?(0*[1-9]\d{0,11})|(\d{1,12}(?:\.\d{1,17})?))(?:\s?fps)?")
_MEMORY = re.compile(r"(\d{1,8}(?:\.\d{1,6})?)\s?([MGT])(iB|B|)", re.IGNORECASE)
_MEASURE = re.compile(r"([-+]?(?:\d{1,12}(?:\.\d{1,12})?|\.\d{1,12}))\s?([a-zA-Z°%]{0,12})(\s?(?:/\s?s|per second)|)")
_BITS = {"M": 20, "G": 30, "T": 40}


@dataclass(frozen=True, slots=True)
class Position:
    """A moment: `amount` seconds, frames, percent of the way from the first frame to the last, beats or bars."""

    amount: Fraction
    unit: Literal["s", "f", "%"] | Unit
    bare: bool = field(default=False, compare=False)  # written without its unit

    @property
    def musical(self) -> bool:
        return self.unit in ("b", "bars")

    def frame(self, frames: int, fps: Fraction, signals: Signals | None = None) -> Fraction:
        """The frame at this moment, exact and so perhaps between two frames, in a film of `frames` frames. signals:
        those of the music, which beats and bars need.
        """
        match self.unit:
            case "s":
                return self.amount * fps
            case "f":
                return self.amount
            case "%":
                return self.amount * (frames - 1) / 100
            case musical:
                assert signals is not None  # who reads a beat or a bar has seen to it
                return signals.moment(self.amount, musical) * fps

    def __str__(self) -> str:
        return seconds_text(self.amount) if self.unit == "s" else decimal_text(self.amount) + self.unit


def parse_time(value: Any) -> Position:
    """A time: see the top of the file. Raises ValueError that says what is allowed."""
    position = parse_position(value, allowed=TIMES_ALLOWED)
    if position.unit == "%" or position.musical:
        raise ValueError(f"Allowed: {TIMES_ALLOWED}.")
    return position


def parse_position(value: Any, allowed: str = f"{TIMES_ALLOWED}, or a share of the way (80%)") -> Position:
    """A time or a share of the way (0% to 100%). Raises ValueError that says what is allowed."""
    text = _text(value)
    if clock := _CLOCK.fullmatch(text):
        hours, minutes, seconds = Fraction(clock[1] or 0), Fraction(clock[2]), Fraction(clock[3])
        if seconds >= 60 or (clock[1] is not None and minutes >= 60):
            raise ValueError("Minutes and seconds of hours:minutes:seconds stay below 60.")
        return Position(hours * 3600 + minutes * 60 + seconds, "s")
    if ratio := _FRACTION.fullmatch(text):
        return _seconds(Fraction(int(ratio[1]), int(ratio[2])))
    if text and (span := _SPAN.fullmatch(text)):
        given = zip(span.groups(), _UNITS.values(), strict=True)
        return _seconds(sum((Fraction(number) * unit for number, unit in given if number), Fraction(0)))
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
        case "":
            return replace(_seconds(number), bare=True)
        case musical:
            return Position(number, "bars" if musical.startswith("bar") else "b")


def _seconds(number: Fraction) -> Position:
    if number > LONGEST_SECONDS:
        raise ValueError(f"At most {LONGEST_SECONDS} seconds.")
    return Position(number, "s")


def parse_seconds(value: Any) -> Fraction:
    """A time in seconds. Frames are refused: without a rate they are no time. Raises ValueError: what is allowed."""
    if isinstance(value, Fraction):
        return value
    position = parse_time(value)
    if position.unit == "f":
        raise ValueError("Frames mean no time without a rate.")
    return position.amount


def parse_rate(value: Any) -> Fraction:
    """Frames per second, exact: 30, 29.97 (stays 2997/100), "30000/1001". Raises ValueError: what is allowed."""
    if isinstance(value, Fraction):
        rate: Fraction | None = value
    elif match := _RATE.fullmatch(_text(value)):
        rate = Fraction(int(match[1]), int(match[2])) if match[2] else Fraction(match[3])
    else:
        rate = None
    if rate is None or not 1 <= rate <= HIGHEST_RATE:
        raise ValueError(
            f'Allowed: 1 to {HIGHEST_RATE} frames per second, as a number or as a fraction such as "30000/1001".'
        )
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


def clock_time(seconds: float) -> str:
    """A time that is left, for people: 4:05, or 1:02:03 from an hour on, or 2 d 4 h from a day on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 24:
        return f"{hours // 24} d {hours % 24} h"
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def spoken_time(seconds: float) -> str:
    """How long something takes, for people: 0.08 s, 4.20 s, 45 s, 2 min 5 s, 1 h 20 min."""
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 24:
        return clock_time(seconds)
    parts = ((hours, "h"), (minutes, "min"), (0 if hours else rest, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def decimal_text(value: Fraction) -> str:
    """The exact decimal of a fraction that came from a decimal: 3/2 is 1.5."""
    digits = 0
    while (value * 10**digits).denominator != 1:
        digits += 1
    text = f"{(value * 10**digits).numerator:0{digits + 1}d}"
    return f"{text[:-digits]}.{text[-digits:]}" if digits else text


def parse_memory(value: Any) -> int:
    """Bytes, in whole MiB. Raises ValueError that says what is allowed."""
    match = _MEMORY.fullmatch(value.strip()) if isinstance(value, str) else None
    amount = 0
    if match is not None:
        bits = _BITS[match[2].upper()]
        unit = 10 ** (bits // 10 * 3) if match[3].upper() == "B" else 2**bits
        amount = int(Decimal(match[1]) * unit) >> 20 << 20
    if not LEAST_MEMORY <= amount <= MOST_MEMORY:
        raise ValueError(f"Allowed: {MEMORY_ALLOWED}.")
    return amount


def parse_measure(value: Any, signs: str, per_second: bool = False) -> Any:
    """What was written with its unit, "16px" or "95%", as a number; all else as it is. signs: the units that are the
    key's own, apart by spaces, of which % divides by 100; per_second: "/s" may follow.
    """
    match = _MEASURE.fullmatch(value.strip()) if isinstance(value, str) else None
    if (
        match is None
        or match[2] not in ("", *signs.split())
        or (match[3] and not per_second)
        or not (match[2] or match[3])
    ):
        return value
    number = Decimal(match[1]) / (100 if match[2] == "%" else 1)
    return float(number) if "." in match[1] or match[2] == "%" else int(number)


def number_written(value: Any) -> str | None:
    """The number in a text that is one but for a unit, quotes or a comma ("1,35", "4x"): what to write; else None."""
    match = _MEASURE.fullmatch(value.strip(" ,;").replace(",", ".")) if isinstance(value, str) else None
    return match and match[1]


def memory_text(amount: int) -> str:
    """How a resolved config writes bytes, in the largest unit that keeps them whole: "6 GiB"."""
    return f"{amount >> 20} MiB" if amount % 2**30 else f"{amount >> 30} GiB"


def _text(value: Any) -> str:
    """What was written; a number without an exponent, 1e-3 as 0.001, so that one pattern reads numbers and text."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return value.strip() if isinstance(value, str) else format(Decimal(repr(value)), "f")
