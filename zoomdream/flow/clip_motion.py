"""How the frames of a clip move: estimated between neighbours, and seen by a camera that moves over the clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from zoomdream.camera.motion import Motion
from zoomdream.flow.bidirectional import BidirectionalFlow, estimate_motion
from zoomdream.flow.carry import eroded
from zoomdream.flow.estimators import Estimator


@dataclass(frozen=True, slots=True)
class ClipMotion:
    """estimator: None where nothing is known of the clip's motion. frame: the picture (1, 3, H, W) of a frame, of which
    there are `frames`. motions: the camera's, from the frame before to each. shots: the frames that begin a shot.
    """

    estimator: Estimator | None
    frame: Callable[[int], Tensor]
    motions: tuple[Motion, ...]
    shots: tuple[int, ...]
    frames: int

    def flow(self, now: Tensor, before: Tensor, index: int) -> BidirectionalFlow:
        """The motion from the frame before to the frame `index`."""
        return estimate_motion(self.estimator, now, before).under(self.motions[index])

    def lasting(self, seen: Tensor, index: int) -> Tensor:
        """Where what the frame shows is still seen in the next one, (1, 1, H, W) in 0..1.

        A look ahead for the first frame of a shot. Without it all of that is fully dreamed, and whatever is too fast to
        be followed loses its dream with the second frame, for everybody to see.
        """
        if index + 1 == self.frames or index + 1 in self.shots:
            return torch.ones_like(seen[:, :1])
        return eroded(estimate_motion(self.estimator, seen, self.frame(index + 1)).backward.confidence)
