"""The camera as a backward flow field: analytic, sub-pixel, the same at every frame rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from zoomdream.ops.warp import identity_grid


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


def camera_flow(motion: Motion, size: tuple[int, int], device: torch.device | None = None) -> Tensor:
    """(1, 2, H, W) backward flow in pixels that moves the content by `motion`. `size` is (height, width)."""
    height, width = size
    # float64 until the end: at 16384 pixels float32 positions are good to 1/1000 pixel only
    grid = identity_grid(size, device).double()
    extent = torch.tensor((width, height), dtype=torch.float64, device=device).view(1, 2, 1, 1)
    pivot = torch.tensor(motion.pivot, dtype=torch.float64, device=device).view(1, 2, 1, 1) * extent - 0.5
    pan = torch.tensor(motion.pan, dtype=torch.float64, device=device).view(1, 2, 1, 1) * extent
    x, y = (grid - pan - pivot).unbind(dim=1)
    # where the content of this pixel was: turn back (clockwise on screen, y points down) and shrink back
    cosine, sine = math.cos(math.radians(motion.degrees)), math.sin(math.radians(motion.degrees))
    before = torch.stack((cosine * x - sine * y, sine * x + cosine * y), dim=1) / motion.scale + pivot
    return (before - grid).float()


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


def outside(flow: Tensor) -> Tensor:
    """(1, 1, H, W), 1 where the content comes from outside the old picture, 0 inside, a soft edge of one pixel
    between.
    """
    height, width = flow.shape[-2:]
    x, y = (identity_grid((height, width), flow.device) + flow).unbind(dim=1)
    beyond = torch.stack((-x, x - (width - 1), -y, y - (height - 1))).amax(dim=0)
    return (beyond + 0.5).clamp(0, 1)[:, None]
