"""What the C library does with memory that is freed, many times in every step of a dream."""

from __future__ import annotations

import ctypes
import sys

# Of glibc's malloc.h
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -3, -4, -8


def keep_freed_memory() -> None:
    """Let freed memory be used again instead of going back to the system, where the C library is glibc; else nothing.

    By default glibc asks the system for each large tensor and gives it back, and the system clears every page anew:
    15,000 page faults in each step of GoogLeNet at 640x360, a seventh of its time. The process keeps its peak.
    """
    _tell({_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1})


def return_freed_memory() -> None:
    """The reverse, for renders that hardly fit: freed memory goes back to the system, where the C library is glibc.

    By default glibc soon keeps what is smaller than 32 MB, in pieces: at 3840x2160 in tiles (GoogLeNet, bfloat16, six
    frames, one thread) the process came to 5.2 GB, and to more with each frame; so it stays at 3.4. It costs time: with
    two threads 101 seconds, where memory that is kept, 6.1 GB of it, takes 62.
    """
    _tell({_MMAP_MAX: 65536, _MMAP_THRESHOLD: 2**20, _TRIM_THRESHOLD: 2**20, _ARENA_MAX: 2})


def _tell(options: dict[int, int]) -> None:
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, value in options.items():
            mallopt(option, value)
