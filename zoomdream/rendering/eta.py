"""When a render will be finished (its ETA), from how long its frames took so far."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from zoomdream.encode.segment import SEGMENT_FRAMES, EncodeSettings

BLOCK = 30
"""Frames whose mean time counts as one measurement. A segment has as many: where the encoder is what all wait for, they
wait once in a segment, and any other frame is quick.
"""

_READY = 60.0
"""Seconds from which on a first dreamed frame is a measure: making everything ready, some three seconds, is part of it.
"""

_BLOCKS = 3  # the speed is that of the last blocks, so that one hiccup counts for nothing
_RUNS = 0.3  # seconds that ffmpeg takes to start: to join, and to count what it has written twice
_LOOKING_AHEAD: Mapping[str, float] = {"h264": 81e-9, "h265": 226e-9, "vp9": 499e-9, "av1": 106e-9}
"""Seconds of one core for each pixel (30 dreamt frames of 640x360, defaults) of encoders that begin with a segment when
they have seen most of it; the others keep up.
"""


def ending(settings: EncodeSettings, frames: int) -> float:
    """Seconds from the last frame of a render to its end: the last segment is encoded, and all are joined."""
    last = (frames - 1) % SEGMENT_FRAMES + 1
    pixels = settings.width * settings.height * last
    ahead = _LOOKING_AHEAD.get(settings.codec, 0.0) if settings.hardware == "off" else 0.0
    return _RUNS + pixels * ahead / settings.threads


class Eta:
    """Seconds per frame and to go. A frame takes so long for each gradient pass, and so long for all the rest.

    passes: the gradient passes of each frame, 0 for those that are only moved; done: how many frames are done already;
    now: seconds on the clock of all times. The first frame from there on counts only until there is another: everything
    is made ready in it.
    """

    def __init__(self, passes: Sequence[float], done: int, now: float) -> None:
        self._passes = passes
        self._done = done
        self._left = sum(passes[done:])
        self._now = now
        self._first: tuple[float, float] | None = None
        self._measured: deque[tuple[float, float]] = deque(maxlen=BLOCK * _BLOCKS)

    def frame_done(self, now: float) -> None:
        """The next frame is done."""
        measured = (self._passes[self._done], now - self._now)
        if self._first is None:
            self._first = measured
        else:
            self._measured.append(measured)
        self._done += 1
        self._left -= measured[0]
        self._now = now

    @property
    def _known(self) -> bool:
        """Whether what is measured tells how long the frames that are left take: a dream too, if one is left."""
        if self._left <= 0 or any(count > 0 for count, _ in self._measured):
            return True
        return self._first is not None and self._first[0] > 0 and self._first[1] >= _READY

    @property
    def seconds_left(self) -> float | None:
        """For all frames that are not done; None before it is known how long a dream takes."""
        return self.seconds(self._left, len(self._passes) - self._done) if self._known else None

    @property
    def seconds_per_frame(self) -> float | None:
        """The mean of those that are not done, and of the last one when all are; None as above."""
        if not self._known:
            return None
        count = len(self._passes) - self._done
        seconds = self.seconds(self._left, count) if count else self.seconds(self._passes[-1], 1)
        return None if seconds is None else seconds / max(1, count)

    def seconds(self, passes: float, frames: int) -> float | None:
        """For so many frames with so many passes in all; None before the first frame."""
        if self._first is None:
            return None
        rest = _typical(seconds for count, seconds in self._measured if count == 0)
        each = _typical(max(0.0, seconds - rest) / count for count, seconds in self._measured if count > 0)
        if not any(count > 0 for count, _ in self._measured):
            most, seconds = self._first
            each = max(0.0, seconds - rest) / most if most else 0.0
            rest = rest if self._measured or most else seconds
        return each * passes + rest * frames


def _typical(values: Iterable[float]) -> float:
    """The median of a few; of many the lower median of the blocks' means. 0 of none."""
    known = list(values)
    if not known:
        return 0.0
    if len(known) < 2 * BLOCK:
        return statistics.median(known)
    ends = range(len(known), BLOCK - 1, -BLOCK)
    return statistics.median_low(statistics.fmean(known[end - BLOCK : end]) for end in ends)
