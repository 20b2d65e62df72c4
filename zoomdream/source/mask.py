"""Where to dream: a picture or a clip, white where the dream shows and black where it does not."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from zoomdream.source.clip.clip import frame_numbers, open_clip
from zoomdream.source.clip.decode import ClipReader
from zoomdream.source.clip.filters import placed
from zoomdream.source.clip.header import is_picture
from zoomdream.source.picture import read_image

_LUMA = (0.2126, 0.7152, 0.0722)  # BT.709


class Mask:
    """Call it with the number of an output frame: (1, 1, H, W) float32 in [0, 1], 1 where to dream.

    A context manager; `close` gives back what reads it.
    """

    def __init__(self, still: Tensor | None, reader: ClipReader | None) -> None:
        self._still, self._reader = still, reader

    def frame(self, index: int) -> Tensor:
        if self._still is not None:
            return self._still
        assert self._reader is not None
        return luma(self._reader.frame(index))

    def __enter__(self) -> Mask:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Raises nothing; may be called twice."""
        if self._reader is not None:
            self._reader.close()


def open_mask(program: Path, path: Path, count: int, fps: Fraction, size: tuple[int, int]) -> Mask:
    """The mask for each of `count` output frames of (height, width) at `fps`.

    It covers the frame, its middle cropped, as a source that fills does. Transparent is black. A clip runs from its
    beginning at its own speed; once it is over its last frame stays. InputError if the file is neither.
    """
    if path.is_file() and is_picture(program, path):
        return Mask(luma(cover(read_image(path), size)), None)
    clip = open_clip(program, path)
    numbers = frame_numbers(clip, fps, Fraction(0), count / fps)
    return Mask(None, ClipReader(program, clip, numbers, size, "fill"))


def cover(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """Scale (1, C, h, w) so that it covers (height, width), and crop its middle."""
    height, width = picture.shape[-2:]
    tall, wide = placed((height, width), size, "fill")
    scaled = picture
    if (tall, wide) != (height, width):
        scaled = interpolate(picture, (tall, wide), mode="bilinear", antialias=True, align_corners=False)
    top, left = (tall - size[0]) // 2, (wide - size[1]) // 2
    return scaled[..., top : top + size[0], left : left + size[1]].clamp(0, 1).contiguous()


def luma(picture: Tensor) -> Tensor:
    """(1, 3, H, W) RGB to (1, 1, H, W), as bright as the eye sees it."""
    weights = torch.tensor(_LUMA).view(1, 3, 1, 1)
    return (picture * weights).sum(1, keepdim=True).clamp_(0, 1)
