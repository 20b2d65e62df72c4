"""How a loop closes: while a film ends, what leads into its beginning grows into it, and the dream knits both together.

What leads in is a film of its own, dreamed with the motion, noise and emphasis of the last frames, from which frame 0
follows as any frame follows the one before. So there is no seam. It does not fade in: region after region it takes the
place of the old, first where both look alike and beside what it has taken already. What goes over in a moment is small.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from zoomdream.color.pyramid import resize
from zoomdream.machine.devices import to_device
from zoomdream.randomness import generator, natural_noise

_COARSE = 64
"""Pixels of the shorter edge of the picture on which regions are chosen: they are larger than a thirtieth of it."""

_LIKENESS = 1.0
"""How much the likeness of old and new counts beside chance, both with a deviation of 1."""

_KEPT = 4.0
_BESIDE = 3.0
"""How much more what has been taken counts, and what is beside it, so that it stays and grows at its edge."""

_SOFT = 0.5
"""Over which part of the deviation of all that a region's edge fades."""


@dataclass(frozen=True, slots=True)
class Closing:
    """key_frames: those in which the end becomes the beginning, and the number of frames, which is frame 0 again."""

    key_frames: tuple[int, ...]
    seed: int

    @property
    def begin(self) -> int:
        return self.key_frames[0]

    @property
    def end(self) -> int:
        return self.key_frames[-1]

    def grown(self, before: Tensor, old: Tensor, new: Tensor, frame: int) -> Tensor:
        """Where a key frame shows what is new, (1, 1, H, W) in 0..1: all of the places that did before, moved to where
        they are now, and as many more as time has passed. old, new: (1, C, H, W).
        """
        share = (self.key_frames.index(frame) + 1) / max(len(self.key_frames) - 2, 1)
        if share >= 1:  # one key frame before the end, so that the last interval is that before frame 0
            return torch.ones_like(before)
        height, width = before.shape[-2:]
        shrink = max(min(height, width) / _COARSE, 1)
        size = (round(height / shrink), round(width / shrink))
        unlike = _blurred((resize(new, size) - resize(old, size)).abs().mean(dim=1, keepdim=True))
        chance = _blurred(to_device(natural_noise(size, generator(self.seed, "closing"))[:, :1], before.device), 2)
        taken = resize(before, size)
        score = _even(chance) - _LIKENESS * _even(unlike) + _KEPT * taken + _BESIDE * _blurred(taken)
        least = torch.quantile(score.flatten(), 1 - share)
        chosen = ((score - least) / _SOFT + 0.5).clamp(0, 1)
        smooth = F.interpolate(chosen, size=(height, width), mode="bilinear", align_corners=False)
        return torch.maximum(before, smooth)


def _blurred(picture: Tensor, times: int = 1) -> Tensor:
    """Means over 5x5 pixels, three times each, which is nearly a Gaussian blur. Edges repeat."""
    for _ in range(3 * times):
        picture = F.avg_pool2d(F.pad(picture, (2, 2, 2, 2), mode="replicate"), 5, stride=1)
    return picture


def _even(values: Tensor) -> Tensor:
    """With mean 0 and deviation 1."""
    return (values - values.mean()) / values.std().clamp_min(1e-6)
