"""Carrying a dream along what moves in a clip.

What is carried is what the dream *added* to the last frame, not the frame with it: so each frame of the clip is there
as it is, and only the dream has a memory. What else was tried stands in docs/benchmarks.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from zoomdream.camera.warp import warp
from zoomdream.color.statistics import soft_limit
from zoomdream.flow.bidirectional import ConfidentFlow
from zoomdream.flow.confidence import eroded

DETAIL = 0.8
"""Share of the fading that the finest detail is spared: at 0.95 a frame it is carried at 0.99. Without it the dream is
3 % less sharp at the same strength.
"""


def carry(added: Tensor, motion: ConfidentFlow, share: float) -> Tensor:
    """`share` (0..1) of what the dream added to the last frame (1, 3, H, W), moved to where it is now; one resampling.

    It fades out towards pixels of low confidence, so that the new dream there has no visible edge. Fine detail fades
    more slowly, to make up for what every resampling takes of it, but fades: nothing is carried whole.
    """
    arrived = warp(added, motion.flow, "replicate")
    # A box of three turns the finest waves over, to -1/3 of them: three quarters of the difference are at most all.
    detail = 0.75 * (arrived - F.avg_pool2d(F.pad(arrived, (1, 1, 1, 1), mode="replicate"), 3, stride=1))
    return eroded(motion.confidence) * share * (arrived + DETAIL * (1 - share) * detail)


@dataclass(frozen=True, slots=True)
class Carry:
    """shares: of what the dream added that is carried to each frame, 0..1."""

    shares: tuple[float, ...]

    def __call__(self, added: Tensor, motion: ConfidentFlow, frame: int) -> Tensor:
        """What was added to the frame before (1, 3, H, W), where it is in the frame; see `carry`."""
        return carry(added, motion, self.shares[frame])


def limit(seen: Tensor, added: Tensor) -> Tensor:
    """The part of `added` that can be shown: bent smoothly so that the sum stays in range; 0 where `added` is 0.

    Unlike `soft_limit` of the sum, this leaves the clip's own whites and blacks alone.
    """
    return soft_limit(seen + added) - soft_limit(seen)
