"""A clip as a source: the part of it that is rendered, sampled at the render's frame rate."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import ClassVar

from zoomdream.color.statistics import ColorStatistics
from zoomdream.config.schema_source import Fit, Footage, Series
from zoomdream.source.clip.clip import Clip, describe, frame_numbers, open_clip, start_time
from zoomdream.source.clip.decode import ClipReader
from zoomdream.source.protocol import SourceSound, describe_alpha, describe_fit
from zoomdream.source.series import files_of

_SLACK = Fraction(1, 1000)  # frames by which the time of a cut may miss that of a frame: YAML has few digits


@dataclass(frozen=True, slots=True)
class ClipSource:
    """`frames` frames of a clip at `fps` from `start` on, seconds from its first frame. end: what the config says of
    the end, for people. size: (height, width); fit: see ClipReader. keep_alpha: whether its transparency is kept; else
    it is over black.

    The clip is decoded once when it is first asked for anything, and known from then on.
    """

    footage: Footage
    start: Fraction
    end: Fraction | None
    frames: int
    fps: Fraction
    size: tuple[int, int]
    fit: Fit
    keep_alpha: bool
    moving: ClassVar[bool] = True

    @property
    def clip(self) -> Clip:
        """What the clip is. Raises InputError."""
        return open_clip(self.footage)

    @property
    def name(self) -> str:
        return str(self.footage)

    @property
    def shots(self) -> tuple[int, ...]:
        numbers = self._numbers()
        return self._within(bisect_left(numbers, shot) for shot in self.clip.shots)

    @property
    def sound(self) -> SourceSound | None:
        if isinstance(self.footage, Series):
            return None
        whole = self.start == 0 and self.frames == len(frame_numbers(self.clip, self.fps, Fraction(0), None))
        return SourceSound(self.footage, start_time(self.clip, self.fps, self.start), whole)

    @property
    def alpha(self) -> bool:
        return self.keep_alpha and self.clip.scan.transparent

    @property
    def files(self) -> tuple[Path, ...]:
        return files_of(self.footage)

    @property
    def notes(self) -> tuple[str, ...]:
        lost = self.clip.scan.transparent and not self.keep_alpha
        return (*self.clip.notes, describe_alpha(kept=False)) if lost else self.clip.notes

    def frames_at(self, times: Sequence[Fraction]) -> tuple[int, ...]:
        first = self.time_of(0)
        return self._within(ceil((time - first) * self.fps - _SLACK) for time in times)

    def time_of(self, frame: int) -> Fraction:
        return start_time(self.clip, self.fps, self.start) - self.clip.times[0] + frame / self.fps

    def open(self) -> ClipReader:
        return ClipReader(self.clip, self._numbers(), self.size, self.fit, keep_alpha=self.alpha)

    def colors(self) -> ColorStatistics | None:
        return None

    def describe(self) -> list[str]:
        lines = [*describe(self.clip), *describe_fit(self.clip.size, self.size, self.fit)]
        if self.clip.scan.transparent:
            lines.append(describe_alpha(kept=self.keep_alpha))
        if self.start or self.end is not None:
            end = "its end" if self.end is None else f"{float(self.end):g} s"
            lines.append(f"rendered from {float(self.start):g} s to {end}, as:")
        return lines

    def _numbers(self) -> tuple[int, ...]:
        return frame_numbers(self.clip, self.fps, self.start, self.start + self.frames / self.fps)

    def _within(self, frames: Iterable[int]) -> tuple[int, ...]:
        return tuple(sorted({frame for frame in frames if 0 < frame < self.frames}))
