"""The camera as a stage: it moves a picture from one frame to a later one, with what it reveals around the frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from zoomdream.camera.motion import Motion, camera_flow, combined, inverse, outside, reveals
from zoomdream.camera.warp import Border, warp
from zoomdream.machine.devices import to_device
from zoomdream.randomness import generator, natural_noise

# Where the camera reveals what was outside, this share of the picture's edges is dreamed beyond each side before it
# comes into view. Without it the rim of a zoom out is raw noise with the print of the network's own borders, like a
# frame.
OVERSCAN = 0.125


def overscan(motions: Sequence[Motion], size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns beyond each edge of a frame of `size` that are dreamed too; none where the camera never looks
    outside.
    """
    if not any(reveals(motion, size) for motion in motions):
        return 0, 0
    height, width = size
    return round(OVERSCAN * height), round(OVERSCAN * width)


@dataclass(frozen=True, slots=True)
class Camera:
    """motions: from the frame before to each frame. size: (height, width) of a frame; margin: (rows, columns) around it
    that pictures have too, see `overscan`. border: what comes in where the camera looks outside of a picture.
    """

    motions: tuple[Motion, ...]
    size: tuple[int, int]
    margin: tuple[int, int]
    border: Border | Literal["noise"]
    seed: int

    def __call__(self, picture: Tensor, before: int, frame: int) -> Tensor:
        """The picture (1, C, H, W) of frame `before`, moved to a later frame; one resampling."""
        flow = self.flow(before, frame, picture.device)
        if self.border != "noise":
            return warp(picture, flow, self.border)
        random = generator(self.seed, "border", frame)
        return fill_with_noise(warp(picture, flow, "reflect"), outside(flow), random)

    def flow(self, before: int, frame: int, device: torch.device) -> Tensor:
        """The backward flow (1, 2, H, W) from frame `before` to a later one."""
        return camera_flow(self._motion(before, frame), self.size, self.margin, device)

    def flow_back(self, before: int, frame: int, device: torch.device) -> Tensor:
        """The backward flow (1, 2, H, W) from a frame back to the one `before`."""
        return camera_flow(inverse(self._motion(before, frame)), self.size, self.margin, device)

    def with_margin(self, picture: Tensor) -> Tensor:
        """The picture of a frame with its surroundings mirrored around it."""
        return surround(picture, self.margin)

    def _motion(self, before: int, frame: int) -> Motion:
        return combined(self.motions[before + 1 : frame + 1], self.size)


def fill_with_noise(moved: Tensor, revealed: Tensor, random: torch.Generator, contrast: float = 0.15) -> Tensor:
    """Replace what was revealed by noise with the statistics of photographs around the picture's own colour, for the
    dream to climb on.

    moved (1, 3, H, W), or with alpha: noise is opaque; revealed (1, 1, H, W) in 0..1 as `camera.outside` gives it.
    Nothing is drawn where nothing was revealed.
    """
    if not revealed.any():
        return moved
    height, width = moved.shape[-2:]
    fresh = to_device(natural_noise((height, width), random), moved.device)
    fresh = fresh.to(moved) * contrast + moved[:, :3].mean(dim=(2, 3), keepdim=True)
    if moved.shape[1] == 4:
        fresh = torch.cat([fresh, torch.ones_like(fresh[:, :1])], 1)
    return torch.lerp(moved, fresh, revealed)


def surround(picture: Tensor, margin: tuple[int, int]) -> Tensor:
    """The picture with `margin` (rows, columns) of its mirror image on every side, however wide that is.

    (1, C, H, W) to (1, C, H + 2 rows, W + 2 columns).
    """
    for axis, extra in zip((2, 3), margin, strict=True):
        length = picture.shape[axis]
        index = torch.remainder(torch.arange(-extra, length + extra, device=picture.device), 2 * length)
        picture = picture.index_select(axis, torch.where(index < length, index, 2 * length - 1 - index))
    return picture
