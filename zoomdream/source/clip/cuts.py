"""Where a clip cuts to another shot, found by PySceneDetect in small frames while the clip is scanned.

One detector compares a frame's change with the changes around it, so that a shaken camera is no cut although it changes
every pixel; another finds fades through black. A flash is no cut: after a few frames the picture is as before it.
Dissolves are left alone; optical flow has time to follow them.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from zoomdream.errors import InputError

SEARCH_SIZE = (90, 160)
"""(height, width) of the frames that cuts are searched in, whatever the clip's shape: all are squeezed alike."""

_WINDOW = 2  # frames to either side with whose changes a frame's change is compared
_FLASH = 6  # frames: the longest flash
_DARK = 10  # of 255, the mean of a picture that has faded to black
_VISIBLE = 4  # of 255: the eye sees no smaller change, though hue and saturation of the nearly black may jump
_FADE_STEP = 20  # of 255: a smaller change from or to black is a step of a fade, which the other detector finds

_Picture = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


class ShotFinder:
    """Takes frames in order with `add`; `finish` returns where shots begin. Memory does not grow with the length.

    Raises InputError where OpenCV, which PySceneDetect needs, cannot be loaded.
    """

    def __init__(self) -> None:
        detectors, self._timecode = _load()
        self._changes = detectors.AdaptiveDetector(min_scene_len=1, window_width=_WINDOW)
        self._fades = detectors.ThresholdDetector(threshold=_DARK, min_scene_len=1)
        self._recent: deque[_Picture] = deque(maxlen=2 * _FLASH + _WINDOW + 1)
        self._frames = 0
        self._candidates: list[int] = []
        self._cuts: list[int] = []
        self._black: list[tuple[int, int, int]] = []

    def add(self, data: bytes) -> None:
        """Take the next frame: SEARCH_SIZE, packed blue, green, red, 8 bit."""
        picture: _Picture = np.frombuffer(data, np.uint8).reshape(*SEARCH_SIZE, 3)
        if self._frames == 0:  # so that the first frames have neighbours before them too
            for early in range(_WINDOW):
                self._changes.process_frame(self._timecode(early, fps=25.0), picture)
        self._recent.append(picture)
        self._frames += 1
        self._search_change(self._frames - 1, picture)
        for found in self._fades.process_frame(self._timecode(self._frames - 1, fps=25.0), picture):
            middle, light = found.frame_num, self._frames - 1
            dark = 2 * middle - light
            if light - dark > _FLASH or not self._is_no_cut(dark):
                self._black.append((dark, middle, light))
        self._decide(self._frames - 1 - _FLASH)

    def finish(self) -> tuple[int, ...]:
        """The numbers of the frames that begin a shot, 0 among them."""
        for late in range(_WINDOW if self._recent else 0):
            self._search_change(self._frames + late, self._recent[-1])
        self._decide(self._frames)
        fades = [
            middle
            for dark, middle, light in self._black
            if dark > _WINDOW and not any(dark - _WINDOW <= cut <= light + _WINDOW for cut in self._cuts)
        ]
        return tuple(sorted({0, *self._cuts, *fades}))

    def _search_change(self, number: int, picture: _Picture) -> None:
        for found in self._changes.process_frame(self._timecode(number + _WINDOW, fps=25.0), picture):
            self._candidates.append(found.frame_num - _WINDOW)

    def _decide(self, until: int) -> None:
        """Decide on the changes up to a frame: enough frames after them are known to tell a flash."""
        while self._candidates and self._candidates[0] <= until:
            change = self._candidates.pop(0)
            if change > 0 and not self._is_no_cut(change):
                self._cuts.append(change)

    def _is_no_cut(self, change: int) -> bool:
        """Whether a change is invisible, or a flash: a frame shortly after it is like one just before it."""
        oldest = self._frames - len(self._recent)
        before = [number for number in range(change - _FLASH, change) if number >= oldest]
        after = [number for number in range(change, change + _FLASH + 1) if number < self._frames]
        change_size = self._difference(change - 1 - oldest, change - oldest)
        black = min(self._recent[number - oldest].mean() for number in (change - 1, change)) < _DARK / 5
        return change_size < (_FADE_STEP if black else _VISIBLE) or any(
            self._difference(early - oldest, late - oldest) < change_size / 2
            for early in before
            for late in after
            if late - early <= _FLASH + 1
        )

    def _difference(self, first: int, second: int) -> float:
        return float(np.abs(self._recent[first].astype(np.int16) - self._recent[second]).mean())


def _load() -> tuple[Any, Any]:
    """PySceneDetect's detectors and its class of frame numbers, imported with OpenCV when a clip is first read."""
    try:
        import scenedetect.detectors
        from scenedetect.common import FrameTimecode
    except ImportError as error:
        raise InputError(
            f"Clips need OpenCV, which cannot be loaded here: {error}. Where a system library is missing, install it "
            "(libGL.so.1: the package libgl1)."
        ) from error
    return scenedetect.detectors, FrameTimecode
