"""How a soundtrack gets into the finished file: copied as it is, or encoded again, in a layout that fits into it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from zoomdream.types import Soundtrack

_COPIED = {
    ".mp4": {"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"},
    ".mov": {"aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s24le", "pcm_s16be", "pcm_s24be"},
    ".webm": {"opus", "vorbis"},
}  # what is copied as it is; Matroska takes everything

_CHANNELS = {"mono": 1, "stereo": 2, "5.1": 6, "7.1": 8}
"""The layouts that are written, which every player knows. Told a number of channels, ffmpeg means these."""

_AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)

_SHORTER = Fraction(1, 2)
"""Seconds by which a sound may end before the pictures without a word: nobody hears that."""

_FADE = 5
"""Milliseconds in which the sound of a loop comes from silence, and goes into it."""

_TRIED = "50"
"""Packets that are copied to try a container out: about a second of most codecs."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A soundtrack as it is written. copy: its packets as they are; else they are encoded with `layout` and `rate`.

    brief: only about a second, to try out whether it can be written. looped: the film is a loop, so that the sound has
    to begin and end in silence, else it clicks there.
    """

    track: Soundtrack
    copy: bool
    encoder: str
    layout: str
    rate: int
    brief: bool = False
    looped: bool = False

    @property
    def length(self) -> Fraction:
        """Seconds that are written."""
        return min(self.track.length, Fraction(1)) if self.brief else self.track.length

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know before the render."""
        track = self.track
        taken = f"of the sound tracks of {track.path.name}, {track.tracks[track.number - 1]} is taken"
        return ((taken,) if len(track.tracks) > 1 else ()) + self._changes

    @property
    def _changes(self) -> tuple[str, ...]:
        """How what is heard differs from the file."""
        track = self.track
        layouts, damaged = list(dict.fromkeys(kind.layout for kind in track.kinds)), track.damaged
        changes: tuple[str, ...] = ()
        if track.ends is None:
            changes += (f"the sound is longer than the film and ends with it, at {float(track.length):.4g} s",)
        elif track.ends < track.length - _SHORTER:
            ends, length = (f"{float(seconds):.4g} s" for seconds in (max(track.ends, Fraction(0)), track.length))
            changes += (f"the sound ends at {ends}, and the film at {length}: the rest is silent",)
        if not self.copy and set(layouts) - {self.layout}:
            changes += (f"sound of {' and '.join(layouts)} becomes {self.layout} to fit",)
        if damaged:
            where = f"at {float(damaged[0]):.2f} s" + (f" and {len(damaged) - 1} more" if len(damaged) > 1 else "")
            changes += (f"the sound is damaged {where}; what cannot be decoded is silent",)
        return changes

    def describe(self) -> list[str]:
        """What `zoomdream check` tells: all tracks, and what becomes of the one that is taken."""
        track = self.track
        codec = self.encoder.removeprefix("lib") + (", faded where the loop closes" if self.looped else "")
        written = "copied as it is" if self.copy else f"encoded as {codec}, {self.layout}, {self.rate} Hz"
        tracks = (f"  {line}{', taken' * (n == track.number)}" for n, line in enumerate(track.tracks, 1))
        return [f"sound: {track.path.name}, {written}", *tracks, *self._changes]


def fit(track: Soundtrack, suffix: str, looped: bool = False) -> Sound:
    """How a soundtrack is written to a file with this extension. looped: under a loop.

    Encoded again it is AAC (WebM: Opus), with the most channels and samples that are heard and that the codec holds.
    """
    copy = not looped and track.intact and (suffix == ".mkv" or track.codec in _COPIED.get(suffix, set()))
    rate = max((kind.rate for kind in track.kinds), default=48000)
    count = max((_width(kind.layout, kind.channels) for kind in track.kinds), default=2)
    if suffix == ".webm":
        return Sound(track, copy, "libopus", _layout(count), 48000, looped=looped)
    return Sound(track, copy, "aac", _layout(min(count, 6)), rate if rate in _AAC_RATES else 48000, looped=looped)


def samples(sound: Sound) -> Iterator[bytes]:
    """The sound as 32 bit floats, interleaved; of a loop faded in and out. Raises InputError if its file cannot be
    opened any more.
    """
    blocks = sound.track.samples(sound.layout, sound.rate, sound.length)
    if not sound.looped:
        yield from blocks
        return
    count, done, fade = round(sound.length * sound.rate), 0, max(sound.rate * _FADE // 1000, 1)
    for block in blocks:
        values = np.frombuffer(block, np.float32).reshape(-1, _CHANNELS[sound.layout])
        numbers = np.arange(done, done + len(values))
        gain = (np.minimum(numbers, count - 1 - numbers) / fade).clip(0, 1).astype(np.float32)
        yield (values * gain[:, None]).tobytes()
        done += len(values)


def _layout(channels: int) -> str:
    return next(name for name, count in _CHANNELS.items() if channels <= count or count == 8)


def _width(layout: str, channels: int) -> int:
    """How many channels a layout needs. Those that nobody knows the places of are mixed to two."""
    return 2 if layout.startswith(("ambisonic", f"{channels} channels")) else channels


def inputs(sound: Sound) -> list[str]:
    """What ffmpeg reads: samples from a pipe, or the file itself, moved so that the first frame is at 0.

    `-copyts`, because ffmpeg otherwise moves every file to begin at 0, and loses what lay between sound and picture.
    """
    if not sound.copy:
        return ["-f", "f32le", "-ar", str(sound.rate), "-ac", str(_CHANNELS[sound.layout]), "-i", "pipe:0"]
    path = f"file:{sound.track.path.absolute()}"
    return ["-copyts", "-itsoffset", f"{-float(sound.track.begin):.6f}", "-protocol_whitelist", "file", "-i", path]


def options(sound: Sound, number: int) -> list[str]:
    """How the sound in ffmpeg's input `number` is written.

    One that is encoded again begins with the first frame and ends with the last, silent where nothing is heard, because
    not every player heeds a late start or a hole.
    """
    if sound.copy:
        few = ["-frames:a", _TRIED] if sound.brief else []
        return ["-map", f"{number}:{sound.track.stream}", "-c:a", "copy", *few]
    bits = 64 + 64 * _CHANNELS[sound.layout] if sound.encoder == "aac" else 64 + 48 * _CHANNELS[sound.layout]
    return ["-map", f"{number}:a:0", "-c:a", sound.encoder, "-b:a", f"{bits}k"]
