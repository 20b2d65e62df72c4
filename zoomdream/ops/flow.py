"""Optical flow as tensors: which of its vectors can be trusted, and flow at another size.

Flow is backward, from the frame that is now to the one before it: (1, 2, H, W) in pixels, channel 0 is x (right), 1 is
y (down), so that now(p) is before(p + flow(p)). A picture that moved right by 3 pixels has the flow (-3, 0).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from zoomdream.ops.warp import identity_grid

_BLUR = (0.239, 0.522, 0.239)  # a Gaussian of 0.8 pixels, cut at three taps


def reliability(flow: Tensor, opposite: Tensor) -> Tensor:
    """How far the flow can be trusted, (1, 1, H, W) in 0..1: 0 where what is now in sight was not in sight before
    (covered, or outside the picture), where the two flows contradict each other, and along the edges of what moves.

    flow and opposite (1, 2, H, W): backward, and forward (from the frame before to the one that is now). The tests are
    those of Ruder, Dosovitskiy and Brox 2016, "Artistic style transfer for videos", and its consistencyChecker.
    """
    trusted = consistent(flow, opposite) & ~motion_boundary(flow) & inside(flow)
    # where the test fails counts twice as strongly, so that the blur spreads what is wrong and not what is right
    return _blur(torch.where(trusted, 1.0, -1.0)).clamp(0, 1)


def consistent(flow: Tensor, opposite: Tensor) -> Tensor:
    """Whether going back along `flow` and forth along `opposite` ends near the start, (1, 1, H, W) bool.

    The allowed error grows with the length of the way: |w + w'|^2 < 0.01 (|w|^2 + |w'|^2) + 0.5.
    """
    back = _fetch(opposite, flow)
    error = _squared(flow + back)
    return error < 0.01 * (_squared(flow) + _squared(back)) + 0.5


def motion_boundary(flow: Tensor) -> Tensor:
    """Where the flow jumps from one thing's motion to another's, (1, 1, H, W) bool: its estimate is smeared there.

    |grad u|^2 + |grad v|^2 > 0.01 |w|^2 + 0.002, with central differences.
    """
    wide = F.pad(flow, (1, 1, 1, 1), mode="replicate")
    across = (wide[..., 1:-1, 2:] - wide[..., 1:-1, :-2]) / 2
    down = (wide[..., 2:, 1:-1] - wide[..., :-2, 1:-1]) / 2
    return _squared(across) + _squared(down) > 0.01 * _squared(flow) + 0.002


def inside(flow: Tensor) -> Tensor:
    """Whether the flow points to a place inside the picture, (1, 1, H, W) bool."""
    height, width = flow.shape[-2:]
    place = identity_grid((height, width), flow.device) + flow
    x, y = place[:, :1], place[:, 1:]
    return (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)


def resize_flow(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """The same motion for pictures of another size, (1, 2, *size): the vectors grow as the picture does."""
    height, width = flow.shape[-2:]
    if (height, width) == size:
        return flow
    scale = torch.tensor((size[1] / width, size[0] / height), dtype=flow.dtype, device=flow.device).view(1, 2, 1, 1)
    return F.interpolate(flow, size=size, mode="bilinear", align_corners=False) * scale


def compose(outer: Tensor, inner: Tensor) -> Tensor:
    """One flow that does what warping along `inner` and then along `outer` does, with one resampling. Both backward,
    (1, 2, H, W).
    """
    return outer + _fetch(inner, outer)


def follow(field: Tensor, flow: Tensor) -> Tensor:
    """What `field` (1, C, H, W) says of the places that `flow` points to, bilinear; 0 outside the picture."""
    return torch.where(inside(flow), _fetch(field, flow), 0.0)


def _fetch(field: Tensor, flow: Tensor) -> Tensor:
    """field(p + flow(p)), bilinear; outside the picture its nearest value."""
    height, width = field.shape[-2:]
    place = identity_grid((height, width), flow.device) + flow + 0.5
    scale = torch.tensor((2 / width, 2 / height), dtype=flow.dtype, device=flow.device).view(1, 2, 1, 1)
    grid = (place * scale - 1).permute(0, 2, 3, 1)
    return F.grid_sample(field, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _squared(vectors: Tensor) -> Tensor:
    return vectors.square().sum(dim=1, keepdim=True)


def _blur(mask: Tensor) -> Tensor:
    kernel = torch.tensor(_BLUR, dtype=mask.dtype, device=mask.device)
    wide = F.pad(mask, (1, 1, 1, 1), mode="replicate")
    return F.conv2d(F.conv2d(wide, kernel.view(1, 1, 1, 3)), kernel.view(1, 1, 3, 1))
