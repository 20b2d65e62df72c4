"""How much memory there is, how much a render takes, and so how large its tiles may be."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from math import isqrt
from pathlib import Path

import torch

from zoomdream.assembly.dream import margin
from zoomdream.assembly.targets import find_targets, network
from zoomdream.config import Config
from zoomdream.errors import ConfigError, InputError
from zoomdream.machine.tensor_bytes import most_bytes
from zoomdream.networks import catalog
from zoomdream.source.open import open_source
from zoomdream.timeline import Timeline
from zoomdream.types import Network

SMALLEST_EDGE = 256
_SPARE = 0.85
"""Share of the free memory that is taken; others want some too."""
_PROGRAM = 550 * 2**20
"""Bytes that Python, PyTorch, a network and ffmpeg take by themselves."""
_FRAME = 270
"""Bytes per pixel of a frame, while the network climbs on it: the frame at each stage, and those that wait for the
encoder."""
_CLIP = 120
"""What a clip takes beyond that."""
_ENCODER: Mapping[str, int] = {"h264": 195, "h265": 260, "vp9": 160, "av1": 430, "prores": 90, "png": 60}
"""Bytes per pixel that ffmpeg takes for a segment at 3840x2160 with 8 threads; the lossless ones take 110."""
_SCRATCH = 1.1
"""What libraries take that nobody sees, as a factor. Tiles of 1 and 2 megapixels then take less than is foretold; bytes
per pixel foretold and taken: GoogLeNet mixed4c 560 and 466 in bfloat16, 904 and 713 in float32; dreamnet mixed4c 200
and 175, 331 and 268; vgg16 features.22 996 and 768, 1722 and 1360; densenet121 transition2 1784 and 1424.
"""
_PIECES = 1.5
"""What tiles take more than that, as a factor, because freed memory is kept (`machine.malloc`) and tiles of one size do
not fit into all the pieces that those of another have left. At 3840x2160 GoogLeNet's took 1.5 times as much, in
bfloat16 and in float32.
"""
_MOST = {"dreamnet": 400, "googlenet": 1200}
"""Bytes per pixel that no layer of a network takes more of: nothing has to be measured where those are there."""


def tile_edge(config: Config, device: str, precision: str) -> int:
    """The edge in pixels of the largest tile for which memory suffices; 0 where whole pictures fit.

    ConfigError if the user's limit is too little for any. What is wrong about the networks is told by who opens them.
    """
    pixels = _canvas(config)
    limit = config.performance.memory
    free = int(_SPARE * free_memory(device))
    budget = free if limit == "auto" else min(free, limit)
    left = budget - _besides(config, device, pixels)
    known = {config.network.name} if config.network.python is None else {""}
    known |= {term.network.name for term in config.objective if term.network is not None}
    if left >= sum(_most(name) for name in known) * pixels:
        return 0
    try:
        needs = [bytes_per_pixel(network, layers, precision) for network, layers in _networks(config)]
    except (ConfigError, InputError):
        return 0
    if left >= sum(needs) * pixels:
        return 0
    each = _PIECES * max(needs)  # tiles are given to one network after the other
    if left < each * SMALLEST_EDGE**2 and limit != "auto":
        least = (budget - left + each * SMALLEST_EDGE**2) / 2**30
        size = "x".join(map(str, config.size))
        raise ConfigError(
            f"too little for {size}, which takes {least:.1f} GiB or more"
            f"{'' if limit <= free else '; so much is not free'}.",
            key="performance.memory",
            place=config.place("performance.memory"),
        )
    return max(SMALLEST_EDGE, isqrt(max(0, int(left / each))))


def _most(name: str) -> int:
    """Bytes per pixel that no layer of the network needs more than, as far as that is known beforehand."""
    return _MOST.get(name, _MOST["googlenet"] if name in catalog.NAMES else 8000)


def _canvas(config: Config) -> int:
    """Pixels that are dreamed for each frame, with the margin that the camera may reveal."""
    width, height = config.size
    rows, columns = margin(config, Timeline.of(config))
    return (width + 2 * columns) * (height + 2 * rows)


def _besides(config: Config, device: str, pixels: int) -> int:
    """Bytes that a render takes besides the network's activations; on a GPU of the GPU's memory."""
    frames = (_FRAME + (_CLIP if open_source(config).moving else 0)) * pixels
    if device.startswith("cuda"):
        return _PROGRAM + frames
    return _PROGRAM + frames + _ENCODER.get(config.encode.codec, 110) * config.size[0] * config.size[1]


def _networks(config: Config) -> Iterator[tuple[Network, frozenset[str]]]:
    """Each network of a config, newly opened, with the layers that are wanted of it."""
    found = find_targets(config, network(config))
    for opened in {id(target.network): target.network for target in found}.values():
        yield opened, frozenset(target.layer.name for target in found if target.network is opened)


def bytes_per_pixel(network: Network, layers: frozenset[str], precision: str) -> int:
    """Bytes that a gradient takes at its peak, per pixel of the picture. network: in float32 on the CPU.

    Counted on two small pictures, so that weights do not count, and _SCRATCH for what libraries take unseen.
    """
    small, large = 256, 384
    (floats, others), (more_floats, more_others) = (_peak(network, layers, edge) for edge in (small, large))
    size = torch.empty((), dtype=getattr(torch, precision)).element_size()
    most = (more_floats - floats) * size / 4 + more_others - others
    return round(_SCRATCH * most / (large**2 - small**2)) + 24


def _peak(network: Network, layers: frozenset[str], edge: int) -> tuple[int, int]:
    """The most bytes that tensors take at once while the gradient in a square picture is found: of floating point
    numbers, and of all else.
    """

    def gradient() -> None:
        with torch.enable_grad():
            leaf = torch.full((1, 3, edge, edge), 0.5).requires_grad_()
            height = torch.stack([activation.square().mean() for activation in network(leaf, layers).values()]).sum()
            torch.autograd.grad(height, leaf)

    gradient()  # packs weights for pictures of this size, which must not count
    return most_bytes(gradient)


def free_memory(device: str) -> int:
    """Bytes that may still be taken on a device."""
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
