"""The motion between two neighbouring frames, both ways: of the clip, and of a camera that moves over the clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from zoomdream.camera.motion import Motion, camera_flow, inverse
from zoomdream.color.alpha import over_black
from zoomdream.flow.confidence import compose, confidence, eroded, follow
from zoomdream.flow.estimators import Estimator

FOLLOWED = 0.85
"""The least mean confidence: clips of wind, water and slow cameras have 0.93 to 1, a fast street 0.77, a fire 0.82."""


@dataclass(frozen=True, slots=True)
class ConfidentFlow:
    """Backward flow (1, 2, H, W) in pixels, and its confidence (1, 1, H, W) in 0..1."""

    flow: Tensor
    confidence: Tensor


@dataclass(frozen=True, slots=True)
class BidirectionalFlow:
    """The motion between a frame and the one before it.

    backward: where each pixel of the frame was in the one before. estimated: the clip's own flow, backward and forward;
    None where nothing is known of its motion. camera: its motion from the frame before to this one; None where it
    stands still. followed: whether a dream can be carried along it, so that not every frame need be dreamed on.
    """

    backward: ConfidentFlow
    estimated: tuple[Tensor, Tensor] | None = None
    camera: Motion | None = None
    followed: bool = True

    def forward(self) -> ConfidentFlow:
        """Where each pixel of the frame before is in this one. Computed at each call: only in-between frames need it.

        The confidence is that of the clip's motion.
        """
        if self.estimated is None:
            clip = _unknown(self.backward.flow)
        else:
            backward, forward = self.estimated
            clip = ConfidentFlow(forward, confidence(forward, backward))
        if self.camera is None:
            return clip
        camera = camera_flow(inverse(self.camera), _size(clip.flow), device=clip.flow.device)
        visible = follow(torch.ones_like(clip.confidence), clip.flow)
        return ConfidentFlow(compose(clip.flow, camera), clip.confidence * visible)

    def under(self, camera: Motion) -> BidirectionalFlow:
        """The same motion of the clip, seen by a camera that moves meanwhile."""
        if camera.scale == 1 and camera.degrees == 0 and camera.pan == (0, 0):
            return self
        clip = self.backward
        moved = camera_flow(camera, _size(clip.flow), device=clip.flow.device)
        backward = ConfidentFlow(compose(moved, clip.flow), follow(clip.confidence, moved))
        return replace(self, backward=backward, camera=camera)


def estimate_motion(estimate: Estimator | None, now: Tensor, before: Tensor) -> BidirectionalFlow:
    """The motion between two frames (1, 3, H, W) of a clip; without an estimator no motion, and no confidence in it."""
    if estimate is None:
        return BidirectionalFlow(_unknown(now))
    backward, forward = estimate(now, before), estimate(before, now)
    return BidirectionalFlow(ConfidentFlow(backward, confidence(backward, forward)), (backward, forward))


@dataclass(frozen=True, slots=True)
class ClipMotion:
    """estimator: None where nothing is known of the clip's motion. frame: the picture (1, C, H, W) of a frame, of which
    there are `frames`. motions: the camera's, from the frame before to each. shots: the frames that begin a shot.
    """

    estimator: Estimator | None
    frame: Callable[[int], Tensor]
    motions: tuple[Motion, ...]
    shots: tuple[int, ...]
    frames: int

    def flow(self, now: Tensor, before: Tensor, index: int) -> BidirectionalFlow:
        """The motion from the frame before to the frame `index`."""
        motion = estimate_motion(self.estimator, over_black(now), over_black(before)).under(self.motions[index])
        # Asked here, where frames are prepared in the background: a number has to come from the device.
        return replace(motion, followed=bool(motion.backward.confidence.mean() >= FOLLOWED))

    def lasting(self, seen: Tensor, index: int) -> Tensor:
        """Where what the frame shows is still seen in the next one, (1, 1, H, W) in 0..1.

        A look ahead for the first frame of a shot. Without it all of that is fully dreamed, and whatever is too fast to
        be followed loses its dream with the second frame, for everybody to see.
        """
        if index + 1 == self.frames or index + 1 in self.shots:
            return torch.ones_like(seen[:, :1])
        following = over_black(self.frame(index + 1))
        return eroded(estimate_motion(self.estimator, over_black(seen), following).backward.confidence)


def _unknown(like: Tensor) -> ConfidentFlow:
    """No motion and no confidence, for pictures (1, C, H, W)."""
    flow, unsure = (torch.zeros((1, channels, *_size(like)), device=like.device) for channels in (2, 1))
    return ConfidentFlow(flow, unsure)


def _size(picture: Tensor) -> tuple[int, int]:
    return picture.shape[-2], picture.shape[-1]
