"""What the C library does with memory that is freed, many times in every step of a dream."""

from __future__ import annotations

import ctypes
import sys

LARGE = 4_000_000
"""Pixels of a frame for which memory matters more than the time that it takes to ask for it."""
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # glibc's malloc.h


def keep_freed_memory() -> None:
    """Let freed memory be used again instead of going back to the system, where the C library is glibc; else nothing.

    By default glibc asks the system for each large tensor and gives it back, and the system clears every page anew:
    15,000 page faults in each step of GoogLeNet at 640x360, a seventh of its time. The process keeps its peak.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, 2**31 - 1)


def give_back_freed_memory(pixels: int) -> None:
    """Give what is free back to the system before the next part of a frame of so many pixels, if that is large.

    What is kept is in pieces: at 3840x2160 the camera and the colours found no room in the 3.9 GB that the network had
    freed, and the process grew to 5.3 GB. To clear it anew once in such a frame takes a hundredth of its time.
    """
    if sys.platform != "linux" or pixels < LARGE:
        return
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)
