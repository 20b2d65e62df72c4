"""Where to dream: a picture or a clip, white where the dream shows and black where it does not."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from zoomdream.color.statistics import BT709
from zoomdream.source.clip.clip import frame_numbers, open_clip
from zoomdream.source.clip.decode import ClipReader
from zoomdream.source.clip.header import is_picture
from zoomdream.source.clip.picture import scaled_size
from zoomdream.source.picture import read_image
from zoomdream.source.protocol import Frames
from zoomdream.source.still import StillFrames


@dataclass(frozen=True, slots=True)
class LumaFrames:
    """The luma of other frames, (1, 1, H, W) float32 in [0, 1]."""

    frames: Frames

    def frame(self, index: int) -> Tensor:
        return luma(self.frames.frame(index))

    def close(self) -> None:
        self.frames.close()


def open_mask(path: Path, count: int, fps: Fraction, size: tuple[int, int]) -> Frames:
    """The mask (1, 1, H, W) for each of `count` output frames of (height, width) at `fps`: 1 where to dream.

    It covers the frame, its middle cropped, as a source that fills does. Transparent is black. A clip runs from its
    beginning at its own speed; once it is over its last frame stays. InputError if the file is neither.
    """
    if is_picture(path):
        return StillFrames(luma(cover(read_image(path), size)))
    clip = open_clip(path)
    numbers = frame_numbers(clip, fps, Fraction(0), count / fps)
    return LumaFrames(ClipReader(clip, numbers, size, "fill"))


def cover(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """Scale (1, C, h, w) so that it covers (height, width), and crop its middle."""
    height, width = picture.shape[-2:]
    tall, wide = scaled_size((height, width), size, "fill")
    scaled = picture
    if (tall, wide) != (height, width):
        scaled = interpolate(picture, (tall, wide), mode="bilinear", antialias=True, align_corners=False)
    top, left = (tall - size[0]) // 2, (wide - size[1]) // 2
    return scaled[..., top : top + size[0], left : left + size[1]].clamp(0, 1).contiguous()


def luma(picture: Tensor) -> Tensor:
    """(1, 3, H, W) RGB to (1, 1, H, W): how bright it looks."""
    return (picture * torch.tensor(BT709).view(1, 3, 1, 1)).sum(1, keepdim=True).clamp_(0, 1)
