"""The music that schedules follow. What is heard, and when, is in the room `music`."""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field

from zoomdream.config.fields import FilePath, Real, Seconds, Section, Whole, setting
from zoomdream.config.functions import FUNCTIONS, NAMES
from zoomdream.config.signals import BANDS, SIGNALS

Value = TypeVar("Value")

HIGHEST_PITCH = 20_000.0


class Named(dict[str, Value]):
    """Values by names of the user's own. Hashable, as sections are; nobody changes it."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))


def _named(values: Mapping[str, Value], taken: Iterable[str]) -> Named[Value]:
    for name in values:
        if not name.isidentifier() or not name.isascii() or keyword.iskeyword(name) or len(name) > 40:
            raise ValueError(f"{name[:40]!r} cannot be called in a schedule. Allowed: letters, digits and _.")
        if name in taken:
            raise ValueError(f"{name} is a name that schedules have already. Choose another.")
    return Named(values)


def _bands(bands: dict[str, tuple[float, float]]) -> Named[tuple[float, float]]:
    for name, (low, high) in bands.items():
        if high < 1.2 * low:
            raise ValueError(f"{name} goes from {low:g} to {high:g} Hz. Allowed: an upper edge of 1.2 times the lower.")
    return _named(BANDS | bands, (*FUNCTIONS, *NAMES, *(name for name in SIGNALS if name not in BANDS)))


def _series(series: dict[str, Any]) -> Named[Any]:
    return _named(series, (*FUNCTIONS, *NAMES, *SIGNALS))


Pitch = Annotated[Real, Field(ge=10, le=HIGHEST_PITCH)]
Fade = Annotated[Seconds, Field(le=10)]


class Beats(Section):
    """A grid of beats that never changes its tempo."""

    bpm: Real = setting(..., "Beats per minute.", "20 to 400", example=128, ge=20, le=400)
    first: Seconds = setting("0s", "When the first beat of a bar is, in the song.", "seconds (0.37s)", example="0.37s")
    per_bar: Whole = setting(4, "Beats of a bar.", "1 to 32, a whole number", example=3, ge=1, le=32)


class Music(Section):
    """A song, and what schedules may ask of it. Paths are absolute."""

    path: FilePath | None = setting(
        None,
        "The song that schedules follow; where left out, encode.audio, else the clip's own sound.",
        "the path of a sound file",
        example="song.mp3",
    )
    offset: Seconds = setting(
        "0s",
        "Where in the song the film begins; so does the soundtrack, where encode.audio is the song.",
        "seconds (45s) or hours:minutes:seconds",
        example="45s",
    )
    bands: Annotated[dict[str, tuple[Pitch, Pitch]], AfterValidator(_bands)] = setting(
        {},
        "Functions of the loudness between two frequencies, by their names; bass, mid and high are there already.",
        "names with two frequencies each, 10 to 20000 Hz, such as {sub: [20, 60]}",
        example={"sub": [20, 60]},
        max_length=32,
    )
    attack: Fade = setting(
        "10ms",
        "How long before it is reached a peak begins to rise.",
        "0s to 10s, such as 10ms",
        example="10ms",
    )
    release: Fade = setting(
        "250ms", "How long what was loud takes to fall to a third.", "0s to 10s, such as 250ms", example="400ms"
    )
    beats: Literal["auto"] | Beats | FilePath = setting(
        "auto",
        "Where the beats are; auto: found in the song, which may be wrong by half or double.",
        "auto, {bpm: 128, first: 0.37s, per_bar: 4}, or the path of a file with a beat's time in each line",
        example={"bpm": 128, "first": "0.37s"},
    )
    series: Annotated[dict[str, FilePath], AfterValidator(_series)] = setting(
        {},
        "Functions of your own, by their names: a table of times and values, or a sound, whose loudness counts.",
        "names with the path of a CSV or sound file each, such as {kick: kick.wav}",
        example={"kick": "kick.wav"},
        max_length=64,
    )


def heard(music: object) -> tuple[str, ...]:
    """The names that schedules may call where this is the value of `music`, right or wrong; none without it."""
    if not isinstance(music, Mapping):
        return ()
    own = (music.get(key) for key in ("bands", "series"))
    return tuple(
        dict.fromkeys([*SIGNALS, *(str(name) for names in own if isinstance(names, Mapping) for name in names)])
    )
