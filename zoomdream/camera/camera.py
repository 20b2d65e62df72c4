"""The camera as a stage: it moves a picture from one frame to a later one, with what it reveals around the frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from zoomdream.camera.motion import Motion, camera_flow, combined, inverse, outside, reveals
from zoomdream.camera.warp import Border, warp
from zoomdream.machine.devices import to_device
from zoomdream.randomness import frame_scale, generator, natural_noise, noise_at_scale

# Where the camera reveals what was outside, this share of the picture's edges is dreamed beyond each side before it
# comes into view. Without it the rim of a zoom out is raw noise with the print of the network's own borders, like a
# frame.
OVERSCAN = 0.125

LATTICES = ((0.25, 0.25), (0.25, -0.25), (-0.25, -0.25), (-0.25, 0.25))
"""Where the pixels of frames that are dreamed on lie beside those of shown frames, x and y in pixels, in turn.

Resampling takes the finest detail where it fetches from between two pixels, and none where it fetches from a pixel
itself. A camera that zooms or turns about a fixed pivot does the latter along the row and the column through it, for
ever, and there the dream piled detail up to a cross (dreamnet mixed4c, 96x96, no noise, the last 500 of 2,000 frames:
2.3 times the energy of the gradients elsewhere). From lattice to lattice one axis moves half a pixel, so that all
places lose alike, and shown frames are always a quarter of a pixel away.
"""


def overscan(motions: Sequence[Motion], size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns beyond each edge of a frame of `size` that are dreamed too; none where the camera never looks
    outside.
    """
    if not any(reveals(motion, size) for motion in motions):
        return 0, 0
    height, width = size
    return round(OVERSCAN * height), round(OVERSCAN * width)


def sampling_lattices(
    motions: Sequence[Motion], key_frames: Sequence[int], dreamed: Sequence[bool]
) -> tuple[tuple[float, float], ...]:
    """Of each frame, see LATTICES. (0, 0) until the camera moves, between key frames, and where nothing is dreamed, so
    that resampling takes no more than it must.
    """
    found, turn = [(0.0, 0.0)] * len(motions), 0
    for before, now in pairwise(key_frames):
        if not dreamed[now]:
            continue
        if all(motion.still for motion in motions[before + 1 : now + 1]):
            found[now] = found[before]
        else:
            found[now] = LATTICES[turn % len(LATTICES)]
            turn += 1
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Camera:
    """motions: from the frame before to each frame. lattices: of each frame, see `sampling_lattices`. size: (height,
    width) of a frame; margin: (rows, columns) around it that pictures have too, see `overscan`. border: what comes in
    where the camera looks outside of a picture.
    """

    motions: tuple[Motion, ...]
    lattices: tuple[tuple[float, float], ...]
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
        motion = combined(self.motions[before + 1 : frame + 1], self.size)  # a lattice reveals nothing
        revealed = outside(camera_flow(motion, self.size, self.margin, picture.device))
        return fill_with_noise(warp(picture, flow, "reflect"), revealed, random, frame_scale(self.size))

    def moved_mask(self, mask: Tensor, before: int, frame: int) -> Tensor:
        """A mask (1, 1, H, W) in 0..1 of frame `before`, moved to a later frame."""
        return warp(mask, self.flow(before, frame, mask.device), "replicate").clamp(0, 1)

    def flow(self, before: int, frame: int, device: torch.device) -> Tensor:
        """The backward flow (1, 2, H, W) from frame `before` to a later one."""
        return camera_flow(self._motion(before, frame), self.size, self.margin, device)

    def flow_back(self, before: int, frame: int, device: torch.device) -> Tensor:
        """The backward flow (1, 2, H, W) from a frame back to the one `before`."""
        return camera_flow(inverse(self._motion(before, frame)), self.size, self.margin, device)

    def with_margin(self, picture: Tensor) -> Tensor:
        """The picture of a frame with its surroundings mirrored around it."""
        return surround(picture, self.margin)

    def fitted(self, picture: Tensor) -> Tensor:
        """A picture of another camera's film of the same size, with the margin of this one."""
        height, width = self.size
        rows, columns = (picture.shape[-2] - height) // 2, (picture.shape[-1] - width) // 2
        if (rows, columns) == self.margin:
            return picture
        return self.with_margin(picture[..., rows : rows + height, columns : columns + width])

    def shown(self, picture: Tensor, frame: int) -> Tensor:
        """The picture (1, C, H, W) of a frame, moved from its lattice to where shown pixels lie."""
        if self.lattices[frame] == (0, 0):
            return picture
        return warp(picture, camera_flow(self._pan(frame, 1), self.size, self.margin, picture.device), "replicate")

    def _motion(self, before: int, frame: int) -> Motion:
        motions = self.motions[before + 1 : frame + 1]
        if self.lattices[before] != (0, 0) or self.lattices[frame] != (0, 0):
            motions = (self._pan(before, 1), *motions, self._pan(frame, -1))
        return combined(motions, self.size)

    def _pan(self, frame: int, sign: int) -> Motion:
        """From a frame's lattice to that of shown frames, or with sign -1 the reverse."""
        (x, y), (height, width) = self.lattices[frame], self.size
        return Motion(pan=(sign * x / width, sign * y / height))


def fill_with_noise(
    moved: Tensor, revealed: Tensor, random: torch.Generator, scale: float, contrast: float = 0.15
) -> Tensor:
    """Replace what was revealed by noise with the statistics of photographs around the picture's own colour, for the
    dream to climb on.

    moved (1, 3, H, W), or with alpha: noise is opaque; revealed (1, 1, H, W) in 0..1 as `camera.outside` gives it.
    scale: see `noise_at_scale`. Nothing is drawn where nothing was revealed.
    """
    if not revealed.any():
        return moved
    height, width = moved.shape[-2:]
    fresh = to_device(noise_at_scale(natural_noise, (height, width), scale, random), moved.device)
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
