"""OpenCV: loaded here, and kept on one thread for as long as something is rendered.

Its number of threads is one for the whole process. DIS cuts the picture into as many strips as there are threads, so
its flow, and with it every frame of a clip, depends on that number; and pyramids are made in one thread of ours while
flow is estimated in another. So all of it runs on one thread. That costs little: of a zoom on two threads nothing,
because the network's threads still look out for work when OpenCV's wake up.
"""

from __future__ import annotations

import sys
from functools import cache
from types import ModuleType

from zoomdream.errors import InputError

_DEFAULT = -1  # as many threads as OpenCV thinks best


def find_opencv() -> ModuleType | None:
    """OpenCV, on one thread; None where a library of the system is missing that it needs."""
    cv2 = _load()
    if isinstance(cv2, ImportError):
        return None
    if cv2.getNumThreads() != 1:
        cv2.setNumThreads(1)
    return cv2


def opencv() -> ModuleType:
    """The same, for those who cannot do without it: InputError that says what to install."""
    cv2 = find_opencv()
    if cv2 is None:
        raise InputError(
            f"OpenCV does not load: {_load()}. Where libGL.so.1 or libgthread-2.0.so.0 is missing, install the "
            "system's packages with them, e.g. libgl1 and libglib2.0-0, or the Python package opencv-python-headless."
        )
    return cv2


@cache
def _load() -> ModuleType | ImportError:
    """Once: to look for a library that is missing takes longer than the work that OpenCV would do."""
    try:
        import cv2
    except ImportError as error:
        return error
    return cv2


def opencv_threads() -> int:
    """How many threads OpenCV has now; where it is not loaded, what lets it choose by itself."""
    cv2 = sys.modules.get("cv2")
    return _DEFAULT if cv2 is None else int(cv2.getNumThreads())


def set_opencv_threads(count: int) -> None:
    """Give OpenCV, where it is loaded, a number of threads that `opencv_threads` has told."""
    cv2 = sys.modules.get("cv2")
    if cv2 is not None:
        cv2.setNumThreads(count)
