"""Carrying a dream along what moves in a clip.

What is carried is what the dream *added* to the last frame, not the frame with it: so each frame of the clip is there
as it is, and only the dream has a memory. How that compares, at the same strength (the gain of mixed4c's energy over
the clip's; GoogLeNet, 28 frames of 320 pixels width; error: E_warp less the clip's own, in 1e-4, of a fast street
scene / of a flower in light wind; dreaming each frame by itself: 35 / 20):

    added, carried at 0.9, where the flow can be trusted                                          1.1 / 0.12
    the same with a hard edge between what is carried and what is not                             1.9 / 0.14
    the same, and gone wherever Ruder's test of motion boundaries fires, however slow the motion  1.8 / 0.26
    the same at 0.95                                                            1.3 times the error at 0.9
    longer memory: what was hidden is taken from 2, 4 or 8 frames ago           +0.5 strength at +0.3 error: no gain
    larger steps where the dream is new, smaller ones where it was carried      1.2 times the error
    steps averaged over time along the motion                                   0.7 times / weak where it is fast
    the last output carried, at 0.9                                             0.4 / below 0: it also smooths the clip
                                                                                itself, and its details lag behind
    linear blend at 0.85 with the last dream, no flow                           5.5 / 1.4, and ghosts
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from zoomdream.ops.color import soft_limit
from zoomdream.ops.warp import warp


@dataclass(frozen=True, slots=True)
class Moved:
    """How a frame came out of the one before: backward flow (1, 2, H, W) in pixels, and how far it can be trusted,
    (1, 1, H, W) in 0..1.
    """

    flow: Tensor
    trust: Tensor


def carry(added: Tensor, moved: Moved, share: float) -> Tensor:
    """`share` (0..1) of what the dream added to the last frame (1, 3, H, W), where it is now; one resampling.

    It fades out towards places whose motion cannot be trusted, so that what grows there anew has no visible edge.
    """
    return share * narrowed(moved.trust) * warp(added, moved.flow, "replicate")


def limit(seen: Tensor, added: Tensor) -> Tensor:
    """What of `added` can be shown: bent smoothly so that the sum stays in range, and nothing is where nothing was.

    Unlike `soft_limit` of the sum, this leaves the clip's own whites and blacks alone.
    """
    return soft_limit(seen + added) - soft_limit(seen)


def narrowed(trust: Tensor) -> Tensor:
    """Trust less a pixel at its edges, which become soft over three."""
    narrowed = -F.max_pool2d(-trust, 3, stride=1, padding=1)
    return F.avg_pool2d(narrowed, 3, stride=1, padding=1, count_include_pad=False)
