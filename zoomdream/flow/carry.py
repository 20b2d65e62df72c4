"""Carrying a dream along what moves in a clip.

What is carried is what the dream *added* to the last frame, not the frame with it: so each frame of the clip is there
as it is, and only the dream has a memory. What else was tried, as error at strength: E_warp less the clip's own in 1e-4
(judged by Farneback), at the gain of mixed4c's energy over the clip's (GoogLeNet, 28 frames 320 pixels wide, DIS), for
a fast street scene and for a flower in light wind. Lower is steadier; more strength costs more error. All of it was
measured at 0.9 and with all detail fading alike, before DETAIL; docs/benchmarks.md has what it is now.

    each frame by itself, 10 steps                                                 35 at 9.1     20 at 8.2
    linear blend with 0.85 of the last dream, no flow: ghosts                     5.5 at 8.4    1.4 at 14.5
    added, carried at 0.9 wherever the flow is consistent, with a hard edge       1.9 at 9.0   0.14 at 8.9
      and none across Ruder's own motion boundaries, which fire on slow parallax  1.8 at 8.3   0.26 at 8.5
      and what was hidden is taken from 2, 4 or 8 frames ago: no gain             2.2 at 9.4   0.13 at 8.7
      and steps are averaged over time along the motion: weak where it is fast    0.8 at 7.1   0.09 at 9.0
      and with a soft edge, and colours held                                      1.1 at 8.7   0.12 at 8.9  <- this
    the last output carried at 0.9: also smooths the clip, whose details lag      0.4 at 8.9   -0.2 at 9.6

Larger steps where the dream is new and smaller ones where it was carried let fast things dream more, but flicker: the
street went from 0.9 at 7.6 to 1.9 at 6.7. Carried at 0.95 rather than 0.9, smaller steps do (0.0018 instead of 0.002):
a tenth to a quarter less error and 2 to 4 % more sharpness at the same strength.
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
