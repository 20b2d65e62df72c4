"""The memory budget of a render: how much it takes besides its tiles, and so how large those may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isqrt

import torch

from zoomdream.assembly.dream import margin
from zoomdream.assembly.targets import find_targets, named_networks, network
from zoomdream.config import Config
from zoomdream.dream.octaves import WRAP
from zoomdream.dream.tile_size import SMALLEST_EDGE
from zoomdream.errors import ConfigError, InputError
from zoomdream.machine.limits import free_memory
from zoomdream.machine.tensor_bytes import most_bytes
from zoomdream.networks import catalog
from zoomdream.source.open import open_source
from zoomdream.timeline import Timeline, dreamt_size
from zoomdream.types import Network

_SPARE = 0.85
"""Share of the free memory that is taken; others want some too."""
_PROGRAM = 550 * 2**20
"""Bytes that Python, PyTorch, a network and ffmpeg take by themselves."""
_FRAME = 294
"""Bytes per pixel of a frame, while the network climbs on it: the frame at each stage, as it is shown and as it is
dreamed on, and those that wait for the encoder."""
_CLIP = 120
"""What a clip takes beyond that."""
_STRIP = 260
"""Bytes per texel of a strip (see camera.droste), while the network climbs on it: no frame and no encoder is there yet.
1604x4844 took 246, dreamt on by dreamnet in tiles of 1136: 112 for tensors, the rest for gaps between them.
"""
_BLUR = 180
"""What a blur takes beyond that: the library gives each texel 16 channels."""
_LEVELS = 95
"""Bytes per texel of a strip, while frames are views of it."""
_VIEW = 240
"""Bytes per pixel of such a frame."""
_ENCODER: Mapping[str, int] = {"h264": 195, "h265": 260, "vp9": 160, "av1": 430, "prores": 90, "png": 60}
"""Bytes per pixel that ffmpeg takes for a segment at 3840x2160 with 8 threads; the lossless ones take 110."""
_SCRATCH = 1.1
"""What libraries take that nobody sees, as a factor. Tiles of 1 and 2 megapixels then take less than is foretold; bytes
per pixel foretold and taken: GoogLeNet mixed4c 560 and 466 in bfloat16, 904 and 713 in float32; dreamnet mixed4c 200
and 175, 331 and 268; vgg16 features.22 996 and 768, 1722 and 1360; densenet121 transition2 1784 and 1424.
"""
_PIECES = 1.5
"""What tiles take more than that, as a factor, because freed memory is kept (`machine.startup`) and tiles of one size
do not fit into all the pieces that those of another have left. At 3840x2160 GoogLeNet's took 1.5 times as much, in
bfloat16 and in float32.
"""
_MOST = {"dreamnet": 400, "googlenet": 1200}
"""Bytes per pixel that no layer of a network takes more of: nothing has to be measured where those are there."""


def tile_edge(config: Config, device: str, precision: str) -> int:
    """The edge in pixels of the largest tile for which memory suffices; 0 where whole pictures fit.

    ConfigError if the user's limit is too little for any. What is wrong about the networks is told by who opens them.
    """
    pixels, seen = _canvas(config)
    limit = config.performance.memory
    free = int(_SPARE * free_memory(device))
    budget = free if limit == "auto" else min(free, limit)
    left = budget - _besides(config, device, pixels)
    after = _film(config, device, pixels) if config.camera.contains_itself else 0
    if budget < after and limit != "auto":
        left = budget - after
    if left >= sum(_most(name) for name, _ in named_networks(config)) * seen:
        return 0
    try:
        needs = [bytes_per_pixel(network, layers, precision) for network, layers in _networks(config)]
    except (ConfigError, InputError):
        return 0
    if left >= sum(needs) * seen:
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
    """Bytes per pixel that no layer of the network needs more than, where that is known without opening it."""
    return _MOST.get(name, _MOST["googlenet"] if name in catalog.NAMES else 8000)


def _canvas(config: Config) -> tuple[int, int]:
    """Pixels that are dreamed for each frame, with the margin that the camera may reveal; and those that the network
    sees, of what is wrapped also some again from the opposite side.
    """
    height, width = dreamt_size(config)
    rows, columns = margin(config, Timeline.of(config))
    wrap = 2 * WRAP if config.camera.contains_itself else 0
    height, width = height + 2 * rows, width + 2 * columns
    return height * width, (height + wrap) * (width + wrap)


def _besides(config: Config, device: str, pixels: int) -> int:
    """Bytes that a render takes besides the network's activations; on a GPU of the GPU's memory."""
    if config.camera.contains_itself:
        dreaming = (_STRIP + (_BLUR if config.dream.blur.source != 0 else 0)) * pixels
        return dreaming + (_film(config, device, pixels) if config.camera.droste.alive else _PROGRAM)
    dreaming = (_FRAME + (_CLIP if open_source(config).moving else 0)) * pixels
    return _PROGRAM + dreaming + _encoding(config, device)


def _film(config: Config, device: str, texels: int) -> int:
    """Bytes that frames take that are views of a strip; unless that lives, nothing is dreamt meanwhile."""
    shown = config.size[0] * config.size[1]
    return _PROGRAM + _LEVELS * texels + _VIEW * shown + _encoding(config, device)


def _encoding(config: Config, device: str) -> int:
    if device.startswith("cuda"):
        return 0
    return _ENCODER.get(config.encode.codec, 110) * config.size[0] * config.size[1]


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
