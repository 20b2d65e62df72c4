"""What a command and its worker processes set for their whole life: how threads wait, and what glibc does with memory.

Library calls set none of this, because it cannot be put back: an environment variable is read once, and glibc does not
tell what was set before. Nothing here loads torch, which reads the variables when it is loaded.
"""

from __future__ import annotations

import os
import sys

# How often the threads of libgomp (torch's on Linux) look for more work before they sleep; about a tenth of a
# millisecond. Between two operations of a network they wait for less. libgomp's own is 300,000. Seconds per frame of
# 640x360 by dreamnet, two threads on two cores, beside busy processes of lower priority and beside two of the same one:
#     libgomp's own 0.33 and 2.8 to 7.0    10,000  0.29 and 0.30    1,000  0.31 and 0.33 to 0.67
#     active        0.33                   passive 0.50 and 0.48    one thread 0.46 and 0.51
# The encoder and the decoder are such processes.
SPINS = "10000"

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of glibc's malloc.h


def set_default(name: str, value: str, *others: str) -> None:
    """Set an environment variable, unless it or one of the `others` is set."""
    if not os.environ.keys() & {name, *others}:
        os.environ[name] = value


def limit_spinning() -> None:
    """Let waiting threads sleep early; what the user has set counts."""
    set_default("GOMP_SPINCOUNT", SPINS, "OMP_WAIT_POLICY")


def keep_freed_memory() -> None:
    """Let glibc keep freed memory instead of returning it to the system. Does nothing with other C libraries.

    By default glibc asks the system for each large tensor and gives it back, and the system clears every page anew:
    15,000 page faults in each step of GoogLeNet at 640x360, a seventh of its time. At 3840x2160 in tiles it is three
    quarters, and what a render in tiles saves by giving memory back, smaller tiles save at less cost (GoogLeNet in
    bfloat16, two threads, one step: 15.0 seconds a frame and 3.2 GB in tiles of 2333, but 8.0 and 3.7 in tiles of 1500
    with memory kept).

    The process keeps its peak, which is little above what it needs at once as long as the same sizes are asked for
    again and again.
    """
    if sys.platform != "linux":
        return
    import ctypes  # 3 ms of the 15 that the command line takes to load

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, 2**31 - 1)


def give_back_memory() -> None:
    """Return what is freed to the system, once: before the encoder starts, after what took most. Does nothing with
    other C libraries.
    """
    if sys.platform != "linux":
        return
    import ctypes

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
