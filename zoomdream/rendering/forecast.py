"""How long a render still takes, from how long its frames took so far."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from zoomdream.encode.segment import SEGMENT_FRAMES, EncodeSettings

BLOCK = 30
"""Frames whose mean time counts as one measurement. A segment has as many: where the encoder is what all wait for, they
wait once in a segment, and any other frame is quick.
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


class Forecast:
    """Seconds per frame and to go, of frames whose effort is known: how often the network dreams for each, 0 for those
    that are only moved. A frame takes so long for each dream, and so long for all the rest.

    effort: of all frames of the render; done: how many are done already; now: seconds on the clock that all times are
    told of. The first frame from there on is no measure as soon as there is another: everything is made ready in it.
    """

    def __init__(self, effort: Sequence[float], done: int, now: float) -> None:
        self._effort = effort
        self._done = done
        self._left = sum(effort[done:])
        self._now = now
        self._first: tuple[float, float] | None = None
        self._told: deque[tuple[float, float]] = deque(maxlen=BLOCK * _BLOCKS)

    def tell(self, now: float) -> None:
        """The next frame is done."""
        told = (self._effort[self._done], now - self._now)
        if self._first is None:
            self._first = told
        else:
            self._told.append(told)
        self._done += 1
        self._left -= told[0]
        self._now = now

    @property
    def seconds_left(self) -> float | None:
        """For all frames that are not done; None before the first."""
        return self.seconds(self._left, len(self._effort) - self._done)

    @property
    def seconds_per_frame(self) -> float | None:
        """The mean of those that are not done, and of the last one when all are."""
        count = len(self._effort) - self._done
        seconds = self.seconds(self._left, count) if count else self.seconds(self._effort[-1], 1)
        return None if seconds is None else seconds / max(1, count)

    def seconds(self, dreams: float, frames: int) -> float | None:
        """For so many frames whose effort comes to `dreams`; None before the first frame."""
        if self._first is None:
            return None
        rest = _typical(seconds for effort, seconds in self._told if effort == 0)
        each = _typical(max(0.0, seconds - rest) / effort for effort, seconds in self._told if effort > 0)
        if not any(effort > 0 for effort, _ in self._told):
            most, seconds = self._first
            each = max(0.0, seconds - rest) / most if most else 0.0
            rest = rest if self._told or most else seconds
        return each * dreams + rest * frames


def _typical(values: Iterable[float]) -> float:
    """The median of a few; of many the lower median of the blocks' means. 0 of none."""
    known = list(values)
    if not known:
        return 0.0
    if len(known) < 2 * BLOCK:
        return statistics.median(known)
    ends = range(len(known), BLOCK - 1, -BLOCK)
    return statistics.median_low(statistics.fmean(known[end - BLOCK : end]) for end in ends)
