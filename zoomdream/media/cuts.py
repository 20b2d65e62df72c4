"""Where a clip cuts to another shot: PySceneDetect's detectors, fed with small frames while the clip is scanned."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoomdream.errors import InputError

SMALL = (90, 160)
"""(height, width) of the frames that cuts are searched in. The shape does not matter: every frame is squeezed alike."""


class ShotFinder:
    """Frames go in one after the other with `add`; `finish` says where shots begin. Memory does not grow with length.

    Raises InputError where OpenCV, which PySceneDetect counts with, cannot be loaded.
    """

    def __init__(self) -> None:
        detectors, self._timecode = _load()
        self._cuts = detectors.AdaptiveDetector(min_scene_len=1)
        self._frames = 0
        self._found: set[int] = set()

    def add(self, data: bytes) -> None:
        """The next frame: SMALL, packed blue, green, red, 8 bit."""
        picture = np.frombuffer(data, np.uint8).reshape(*SMALL, 3)
        for cut in self._cuts.process_frame(self._timecode(self._frames, fps=25.0), picture):
            self._found.add(cut.frame_num)
        self._frames += 1

    def finish(self) -> tuple[int, ...]:
        """The numbers of the frames where shots begin, always with 0."""
        return tuple(sorted({0, *self._found}))


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
