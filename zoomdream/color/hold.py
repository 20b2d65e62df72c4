"""Holding colours: the stage that pulls a picture back to its reference, frame after frame."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from zoomdream.color.statistics import ColorStatistics, hold, measure


@dataclass(frozen=True, slots=True)
class Hold:
    """reference: what pictures are held to; None: each to what is seen of the source. shares: of the way that a frame
    is pulled back, 0..1.
    """

    reference: ColorStatistics | None
    shares: tuple[float, ...]

    def reference_of(self, seen: Tensor) -> ColorStatistics:
        """The reference of a frame whose source looks like `seen`, (1, 3, H, W)."""
        return measure(seen) if self.reference is None else self.reference

    def __call__(self, picture: Tensor, reference: ColorStatistics, frame: int) -> Tensor:
        """A new picture (1, 3, H, W). The warm-up dreams before frame 0 have negative numbers and are held as that."""
        return hold(picture, reference, self.shares[max(frame, 0)])
