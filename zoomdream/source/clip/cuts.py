"""Where a clip cuts to another shot: PySceneDetect's detectors, fed with small frames while the clip is scanned.

Two detectors: one compares a frame's change with the changes around it, so that a shaken camera is no cut although it
changes every pixel; one finds fades through black. A flash is not a cut: what is seen a few frames later is what was
seen before. Dissolves are left alone; optical flow has time to follow them.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from zoomdream.errors import InputError

SMALL = (90, 160)
"""(height, width) of the frames that cuts are searched in. The shape does not matter: every frame is squeezed alike."""

_WINDOW = 2  # frames to either side of one whose change is compared with theirs
_FLASH = 6  # frames; what lasts no longer and gives way to what was there before is a flash
_DARK = 10  # of 255, on average: a faded picture
_SEEN = 4  # of 255: a smaller change is none to the eye, though hue and saturation of the nearly black may jump
_STEP = 20  # of 255: a smaller change from or to black is a step of a fade, and left to the detector of those

_Picture = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


class ShotFinder:
    """Frames go in one after the other with `add`; `finish` says where shots begin. Memory does not grow with length.

    Raises InputError where OpenCV, which PySceneDetect counts with, cannot be loaded.
    """

    def __init__(self) -> None:
        detectors, self._timecode = _load()
        self._changes = detectors.AdaptiveDetector(min_scene_len=1, window_width=_WINDOW)
        self._fades = detectors.ThresholdDetector(threshold=_DARK, min_scene_len=1)
        self._recent: deque[_Picture] = deque(maxlen=2 * _FLASH + _WINDOW + 1)
        self._frames = 0
        self._waiting: list[int] = []
        self._cuts: list[int] = []
        self._faded: list[tuple[int, int, int]] = []

    def add(self, data: bytes) -> None:
        """The next frame: SMALL, packed blue, green, red, 8 bit."""
        picture: _Picture = np.frombuffer(data, np.uint8).reshape(*SMALL, 3)
        if self._frames == 0:  # so that the first frames have neighbours before them too
            for early in range(_WINDOW):
                self._changes.process_frame(self._timecode(early, fps=25.0), picture)
        self._recent.append(picture)
        self._frames += 1
        self._see(self._frames - 1, picture)
        for found in self._fades.process_frame(self._timecode(self._frames - 1, fps=25.0), picture):
            middle, light = found.frame_num, self._frames - 1
            dark = 2 * middle - light
            if light - dark > _FLASH or not self._returns(dark):
                self._faded.append((dark, middle, light))
        self._judge(self._frames - 1 - _FLASH)

    def finish(self) -> tuple[int, ...]:
        """The numbers of the frames where shots begin, always with 0."""
        for late in range(_WINDOW if self._recent else 0):
            self._see(self._frames + late, self._recent[-1])
        self._judge(self._frames)
        fades = [
            middle
            for dark, middle, light in self._faded
            if dark > _WINDOW and not any(dark - _WINDOW <= cut <= light + _WINDOW for cut in self._cuts)
        ]
        return tuple(sorted({0, *self._cuts, *fades}))

    def _see(self, number: int, picture: _Picture) -> None:
        for found in self._changes.process_frame(self._timecode(number + _WINDOW, fps=25.0), picture):
            self._waiting.append(found.frame_num - _WINDOW)

    def _judge(self, until: int) -> None:
        """Decide on the changes up to a frame, of which all is known now that may make them a flash."""
        while self._waiting and self._waiting[0] <= until:
            change = self._waiting.pop(0)
            if change > 0 and not self._returns(change):
                self._cuts.append(change)

    def _returns(self, change: int) -> bool:
        """Whether what was there just before a change is there again shortly after it, or nothing much changed."""
        oldest = self._frames - len(self._recent)
        before = [number for number in range(change - _FLASH, change) if number >= oldest]
        after = [number for number in range(change, change + _FLASH + 1) if number < self._frames]
        whole = self._apart(change - 1 - oldest, change - oldest)
        black = min(self._recent[number - oldest].mean() for number in (change - 1, change)) < _DARK / 5
        return whole < (_STEP if black else _SEEN) or any(
            self._apart(early - oldest, late - oldest) < whole / 2
            for early in before
            for late in after
            if late - early <= _FLASH + 1
        )

    def _apart(self, first: int, second: int) -> float:
        return float(np.abs(self._recent[first].astype(np.int16) - self._recent[second]).mean())


def _load() -> tuple[Any, Any]:
    """PySceneDetect's detectors and its kind of frame number; it and OpenCV are loaded when a clip is first read."""
    try:
        import scenedetect.detectors
        from scenedetect.common import FrameTimecode
    except ImportError as error:
        raise InputError(
            f"Clips need OpenCV, which cannot be loaded here: {error}. Where a system library is missing, install it "
            "(libGL.so.1: the package libgl1)."
        ) from error
    return scenedetect.detectors, FrameTimecode
