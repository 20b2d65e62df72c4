"""Optical flow as tensors: its confidence (an occlusion mask with soft edges), and flow at another size.

Flow is backward, from the frame that is now to the one before it: (1, 2, H, W) in pixels, channel 0 is x (right), 1 is
y (down), so that now(p) is before(p + flow(p)). A picture that moved right by 3 pixels has the flow (-3, 0).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from zoomdream.camera.warp import identity_grid
from zoomdream.machine.devices import constant

_LONGEST = 640  # pixels of the longer edge at which confidence is decided
_BLUR = (0.239, 0.522, 0.239)  # a Gaussian of 0.8 pixels, cut to three taps


def confidence(flow: Tensor, opposite: Tensor) -> Tensor:
    """The confidence of a flow, (1, 1, H, W) in 0..1: 0 where a pixel was not visible before (occluded, or outside the
    picture), where the two flows contradict each other, and along motion boundaries.

    flow and opposite (1, 2, H, W): backward, and forward (from the frame before to the one that is now). The tests are
    those of Ruder, Dosovitskiy and Brox 2016, "Artistic style transfer for videos", and its consistencyChecker.

    Large pictures are tested at a size of _LONGEST pixels: there flow is no finer than that either, and its errors, and
    so what the first test allows, grow with the size.
    """
    height, width = flow.shape[-2:]
    if max(height, width) > _LONGEST:
        scale = _LONGEST / max(height, width)
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
        smaller = confidence(resize_flow(flow, size), resize_flow(opposite, size))
        return F.interpolate(smaller, size=(height, width), mode="bilinear", align_corners=False)
    visible = consistent(flow, opposite) & inside(flow)
    # Occluded pixels are -1, so that the blur spreads them rather than the confidence of their neighbours.
    return _blur(torch.where(visible, torch.where(motion_boundary(flow), 0.0, 1.0), -1.0)).clamp(0, 1)


def consistent(flow: Tensor, opposite: Tensor) -> Tensor:
    """Forward-backward check: whether `flow` and then `opposite` lead back near the start, (1, 1, H, W) bool.

    The allowed error grows with the length: |w + w'|^2 < 0.01 (|w|^2 + |w'|^2) + 0.5. Two flows that are each wrong by
    half a pixel, in any directions, miss by 0.5 squared pixels.
    """
    back = _fetch(opposite, flow)
    error = _squared(flow + back)
    return error < 0.01 * (_squared(flow) + _squared(back)) + 0.5


def motion_boundary(flow: Tensor) -> Tensor:
    """Where one object's motion meets another's, (1, 1, H, W) bool: the estimate is smeared there.

    |grad u|^2 + |grad v|^2 > 0.0085, with central differences: a tenth of a pixel from one to the next. Ruder has
    0.01 |w|^2 + 0.002. On the drawn clip (640x360, 12 frames per second) that found 47 % of the pixels at which DIS is
    wrong by more than half a pixel or were hidden, and this 83 % (82 % of what it finds is right): where everything
    moves fast, the first term hides that some things move faster. The second took every slow parallax for an edge.
    """
    wide = F.pad(flow, (1, 1, 1, 1), mode="replicate")
    across = (wide[..., 1:-1, 2:] - wide[..., 1:-1, :-2]) / 2
    down = (wide[..., 2:, 1:-1] - wide[..., :-2, 1:-1]) / 2
    return _squared(across) + _squared(down) > 0.0085


def inside(flow: Tensor) -> Tensor:
    """Whether the flow points to a place inside the picture, (1, 1, H, W) bool."""
    height, width = flow.shape[-2:]
    place = identity_grid((height, width), flow.device) + flow
    x, y = place[:, :1], place[:, 1:]
    return (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)


def eroded(mask: Tensor) -> Tensor:
    """A mask (1, 1, H, W) in 0..1, a pixel smaller at its edges, which become soft over three."""
    smaller = -F.max_pool2d(-mask, 3, stride=1, padding=1)
    return F.avg_pool2d(smaller, 3, stride=1, padding=1, count_include_pad=False)


def resize_flow(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """The flow of the same motion between pictures of another size, (1, 2, *size): vectors scale with the picture."""
    height, width = flow.shape[-2:]
    if (height, width) == size:
        return flow
    scale = constant((size[1] / width, size[0] / height), flow.dtype, flow.device).view(1, 2, 1, 1)
    return F.interpolate(flow, size=size, mode="bilinear", align_corners=False) * scale


def compose(outer: Tensor, inner: Tensor) -> Tensor:
    """The one flow that warps as `inner` and then `outer` do, for one resampling. Both backward, (1, 2, H, W)."""
    return outer + _fetch(inner, outer)


def follow(field: Tensor, flow: Tensor) -> Tensor:
    """`field` (1, C, H, W) at the places that `flow` points to, bilinear; 0 outside the picture."""
    return torch.where(inside(flow), _fetch(field, flow), 0.0)


def _fetch(field: Tensor, flow: Tensor) -> Tensor:
    """field(p + flow(p)), bilinear; outside the picture its nearest value."""
    height, width = field.shape[-2:]
    place = identity_grid((height, width), flow.device) + flow + 0.5
    scale = constant((2 / width, 2 / height), flow.dtype, flow.device).view(1, 2, 1, 1)
    grid = (place * scale - 1).permute(0, 2, 3, 1)
    return F.grid_sample(field, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _squared(vectors: Tensor) -> Tensor:
    return vectors.square().sum(dim=1, keepdim=True)


def _blur(mask: Tensor) -> Tensor:
    kernel = constant(_BLUR, mask.dtype, mask.device)
    wide = F.pad(mask, (1, 1, 1, 1), mode="replicate")
    return F.conv2d(F.conv2d(wide, kernel.view(1, 1, 1, 3)), kernel.view(1, 1, 3, 1))
