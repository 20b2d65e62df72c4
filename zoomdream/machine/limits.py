"""What this process may take of the machine, also in a container: cores, memory; and what counts as out of memory."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_TEXTS = ("out of memory", "can't allocate memory")
"""What errors of torch say that have no type of their own: those of its CPU allocator, of cuDNN and of Apple's GPUs."""


def cores() -> int:
    """The cores of the machine, less what this process's affinity or its container forbids; at least 1."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):  # no container, or one without a quota, which is "max"
        share, period = _QUOTA.read_text(encoding="ascii").split()
        here = min(here, math.ceil(int(share) / int(period)))
    return max(1, here)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the memory of the machine, or of a device, is full.

    torch's own type is known by its name, so that a command that fails early need not wait a second for torch.
    """
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _TEXTS)


def free_memory(device: str) -> int:
    """Bytes that may still be taken on a device."""
    import torch  # which a command that fails early need not wait for

    if device.startswith("cuda"):
        return int(torch.cuda.mem_get_info(device)[0])
    if device == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    return available_memory()


def available_memory() -> int:
    """Bytes that may still be taken on this machine, by the system and by the limits of its control groups (as
    containers have them); what the system has in all where it does not say more.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, ValueError, IndexError, StopIteration), open("/proc/meminfo") as file:
            free = 1024 * int(next(line for line in file if line.startswith("MemAvailable")).split()[1])
            return min([free, *_free_in_groups(Path("/sys/fs/cgroup"))])
    if hasattr(os, "sysconf"):
        with contextlib.suppress(OSError, ValueError):
            return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 8 * 2**30


def _free_in_groups(root: Path) -> Iterator[int]:
    """What the control group of this process and those around it leave free; version 2, then version 1."""
    for line in _groups():
        _, _, rest = line.partition(":")
        controllers, colon, path = rest.partition(":")
        if not colon:
            continue
        if controllers and "memory" not in controllers.split(","):
            continue
        top = root / "memory" if controllers else root
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes") if controllers else ("memory.max", "memory.current")
        folder = top / path.lstrip("/")
        for group in (folder, *folder.parents):
            if group != top and top not in group.parents:
                break
            with contextlib.suppress(OSError, ValueError):  # "max" where there is no limit
                most, used = (int((group / name).read_text()) for name in names)
                yield max(0, most - used + _reclaimable(group))


def _groups() -> list[str]:
    """The lines "number:controllers:path" that Linux has on this process."""
    with contextlib.suppress(OSError):
        return Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    return []


def _reclaimable(group: Path) -> int:
    """Bytes of files in memory that the group would give up."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = (group / "memory.stat").read_text().splitlines()
        return int(
            next(line for line in lines if line.startswith(("inactive_file ", "total_inactive_file"))).split()[1]
        )
    return 0
