"""What schedules may ask of the music: the names of its functions, and what answers them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal, NamedTuple, Protocol


class Signal(NamedTuple):
    """A function of the music; `usage` shows its arguments, of which there are `arguments`."""

    usage: str
    about: str
    arguments: int = 1


SIGNALS = {
    "loud": Signal("loud(t)", "How loud the music is, 0 to 1."),
    "bass": Signal("bass(t)", "How loud it is from 20 to 150 Hz, 0 to 1."),
    "mid": Signal("mid(t)", "How loud it is from 150 to 2000 Hz, 0 to 1."),
    "high": Signal("high(t)", "How loud it is from 2000 to 12000 Hz, 0 to 1."),
    "onset": Signal("onset(t)", "Whether a sound sets in, 0 to 1, fading after it."),
    "drums": Signal("drums(t)", "How loud what is struck is, 0 to 1; needs librosa."),
    "tones": Signal("tones(t)", "How loud what is held is, 0 to 1; needs librosa."),
    "bright": Signal("bright(t)", "How high most of it sounds, 0 to 1."),
    "beat": Signal("beat(t)", "1 on each beat, fading after it."),
    "beats": Signal("beats(t)", "Beats since the first of the film: 2.5 is midway from the third to the next."),
    "bar": Signal("bar(t)", "The same of bars."),
    "section": Signal("section(t)", "The section of the song, counted from 0; needs librosa."),
    "chroma": Signal("chroma(t, k)", "How much of a pitch is heard, 0 to 1; k is 0 for C, 1 for C sharp, to 11.", 2),
}
"""The functions that every song has. A config's own bands and series are functions of the time, too."""

BANDS = {"bass": (20.0, 150.0), "mid": (150.0, 2000.0), "high": (2000.0, 12000.0)}
"""The bands that are there unless a config has others of these names, in Hz."""

Unit = Literal["b", "bars"]


class Signals(Protocol):
    """The music of a film, whose times are seconds from its first frame. A value: equal where all answers are."""

    @property
    def names(self) -> tuple[str, ...]:
        """The functions that may be called."""
        ...

    def value(self, name: str, arguments: Sequence[float], width: float) -> float:
        """The value of a function, called with a time and perhaps more. width: seconds that a frame is shown; what
        moves counts with its largest value in as long a time around the moment.
        """
        ...

    def moment(self, amount: Fraction, unit: Unit) -> Fraction:
        """When a beat or a bar is, in seconds; 0 is the first one that the film has, 1.5 in the middle of two."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of it before the render."""
        ...

    def describe(self) -> list[str]:
        """What `zoomdream check` tells of it, notes included, a line each."""
        ...
