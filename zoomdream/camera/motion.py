"""The camera as a backward flow field: analytic, sub-pixel, the same at every frame rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from zoomdream.camera.warp import identity_grid
from zoomdream.machine.devices import to_device

Number = TypeVar("Number", float, Tensor)


@dataclass(frozen=True, slots=True)
class Motion:
    """How the content moves from one frame to the next.

    scale: times (above 1 zooms in); degrees: counter-clockwise on screen; pan: (x, y) in picture widths and heights,
    right and down; pivot: (x, y) in 0..1 from the left and the top, the point that zoom and rotation leave where it
    is.
    """

    scale: float = 1.0
    degrees: float = 0.0
    pan: tuple[float, float] = (0.0, 0.0)
    pivot: tuple[float, float] = (0.5, 0.5)

    @property
    def still(self) -> bool:
        return self.scale == 1 and self.degrees == 0 and self.pan == (0, 0)


def camera_flow(
    motion: Motion, size: tuple[int, int], margin: tuple[int, int] = (0, 0), device: torch.device | None = None
) -> Tensor:
    """The backward flow in pixels that moves the content of a frame of `size` (height, width) by `motion`.

    margin: (rows, columns) around the frame that the flow is for too; pivot and pan still mean the frame.
    Returns (1, 2, H + 2 rows, W + 2 columns).
    """
    rows, columns = margin
    # float64 until the end: at 16384 pixels float32 positions are good to 1/1000 pixel only. Apple's GPUs have none, so
    # theirs are computed on the CPU.
    place = device if device is not None and device.type == "cuda" else torch.device("cpu")
    x = torch.arange(size[1] + 2 * columns, dtype=torch.float64) - columns
    y = torch.arange(size[0] + 2 * rows, dtype=torch.float64)[:, None] - rows
    # Where content was is linear in x and y, so what x and what y does to it can be found apart and added up.
    zero = torch.zeros((), dtype=torch.float64)
    along_x, along_y, still = (_before(motion, size, *at) for at in ((x, zero), (zero, y), (zero, zero)))
    across = to_device(torch.stack([along_x[0] - x, along_x[1] - still[1]]), place)
    down = to_device(torch.stack([along_y[0] - still[0], along_y[1] - y]), place)
    flow = torch.empty((1, 2, len(y), len(x)), device=place)
    for axis in (0, 1):
        torch.add(across[axis], down[axis], out=flow[0, axis])
    return flow.to(device)


def combined(motions: Sequence[Motion], size: tuple[int, int]) -> Motion:
    """The one motion that does what these do one after the other, for a frame of `size` (height, width)."""
    if len(motions) == 1:
        return motions[0]
    height, width = size
    pivot = motions[0].pivot
    x, y = start = (pivot[0] * width - 0.5, pivot[1] * height - 0.5)
    for motion in motions:
        x, y = _before(inverse(motion), size, x, y)
    return Motion(
        scale=math.prod(motion.scale for motion in motions),
        degrees=sum(motion.degrees for motion in motions),
        pan=((x - start[0]) / width, (y - start[1]) / height),
        pivot=pivot,
    )


def inverse(motion: Motion) -> Motion:
    """The motion that undoes another."""
    pan, pivot = motion.pan, motion.pivot
    return Motion(1 / motion.scale, -motion.degrees, (-pan[0], -pan[1]), (pivot[0] + pan[0], pivot[1] + pan[1]))


def reveals(motion: Motion, size: tuple[int, int], tolerance: float = 0.1) -> bool:
    """Whether content from outside the frame, by more than `tolerance` pixels, comes into view."""
    height, width = size
    for x in (0.0, width - 1.0):  # the corners are enough: a similarity moves nothing further out than them
        for y in (0.0, height - 1.0):
            before_x, before_y = _before(motion, size, x, y)
            if not -tolerance <= before_x <= width - 1 + tolerance:
                return True
            if not -tolerance <= before_y <= height - 1 + tolerance:
                return True
    return False


def _before(motion: Motion, size: tuple[int, int], x: Number, y: Number) -> tuple[Number, Number]:
    """Where the content of the places (x, y) was, in pixels of a frame of `size`: turned back, which is clockwise on
    screen because y points down, and shrunk back.
    """
    height, width = size
    pivot_x, pivot_y = motion.pivot[0] * width - 0.5, motion.pivot[1] * height - 0.5
    x, y = x - motion.pan[0] * width - pivot_x, y - motion.pan[1] * height - pivot_y
    cosine, sine = math.cos(math.radians(motion.degrees)), math.sin(math.radians(motion.degrees))
    return (cosine * x - sine * y) / motion.scale + pivot_x, (sine * x + cosine * y) / motion.scale + pivot_y


def integrate(
    zoom: Sequence[float],
    rotate: Sequence[float],
    pan: Sequence[tuple[float, float]],
    pivot: Sequence[tuple[float, float]],
    frames_per_second: float,
) -> tuple[Motion, ...]:
    """The motion between each frame and the one before, from speeds per second sampled at every frame.

    Speeds are integrated over the interval by the trapezium rule (zoom in log scale), so that another frame rate
    gives the same path. The first frame has nothing before it and stands still. Returns as many motions as there are
    frames.
    """
    motions = [Motion(pivot=pivot[0])] if zoom else []
    for now in range(1, len(zoom)):
        last = now - 1
        motions.append(
            Motion(
                scale=math.exp((math.log(zoom[last]) + math.log(zoom[now])) / 2 / frames_per_second),
                degrees=(rotate[last] + rotate[now]) / 2 / frames_per_second,
                pan=(
                    (pan[last][0] + pan[now][0]) / 2 / frames_per_second,
                    (pan[last][1] + pan[now][1]) / 2 / frames_per_second,
                ),
                pivot=((pivot[last][0] + pivot[now][0]) / 2, (pivot[last][1] + pivot[now][1]) / 2),
            )
        )
    return tuple(motions)


def ease(speeds: Sequence[float], others: Sequence[float], *, log: bool) -> tuple[float, ...]:
    """Speeds that begin as they are and come to be the others in two thirds of the time; log: by equal factors."""
    found = list[float]()
    for number, (own, other) in enumerate(zip(speeds, others, strict=True)):
        way = min(1.5 * number / len(speeds), 1)
        share = way * way * (3 - 2 * way)
        mixed = own ** (1 - share) * other**share if log else (1 - share) * own + share * other
        found.append(other if share == 1 else mixed)
    return tuple(found)


def outside(flow: Tensor, tolerance: float = 0.0) -> Tensor:
    """(1, 1, H, W), 1 where the content comes from outside the old picture, 0 inside, a soft edge of one pixel
    between. tolerance: pixels beyond the centres of the outermost ones that still count as half inside.
    """
    height, width = flow.shape[-2:]
    x, y = (identity_grid((height, width), flow.device) + flow).unbind(dim=1)
    across, down = (width - 1) / 2, (height - 1) / 2
    beyond = torch.maximum((x - across).abs_().sub_(across), (y - down).abs_().sub_(down))
    return (beyond - tolerance + 0.5).clamp(0, 1)[:, None]
