"""How many cores this process may use: the one answer for dreaming, encoders, decoders and batches."""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def cores() -> int:
    """The cores of the machine, less what this process's affinity or its container forbids; at least 1."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):  # no container, or one without a quota, which is "max"
        share, period = _QUOTA.read_text(encoding="ascii").split()
        here = min(here, math.ceil(int(share) / int(period)))
    return max(1, here)
