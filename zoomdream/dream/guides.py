"""Guides: pictures and clips whose activations a dream takes after."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from zoomdream.color.pyramid import resize
from zoomdream.dream.terms import GuideTerm
from zoomdream.machine.devices import to_device
from zoomdream.source.clip.clip import frame_numbers, open_clip
from zoomdream.source.clip.decode import ClipReader
from zoomdream.source.clip.header import is_picture
from zoomdream.source.picture import read_image
from zoomdream.source.protocol import Frames
from zoomdream.source.still import StillFrames
from zoomdream.types import Layer, Network

LONGEST_EDGE = 512
"""Pixels; a larger guide is shrunk. What a layer can recognise is no larger than that."""
MOST_PLACES = 4096
"""Places of the guide that those of the picture are compared with: as many as GoogLeNet's mixed3b has at 512x512."""


@dataclass(frozen=True, slots=True)
class Guide:
    """A term about the activations of a guide, with a weight for each frame.

    frames: the guide's pictures; still: its activation (C, places) where all of them are the same picture.
    """

    network: Network
    layer: Layer
    weights: tuple[float, ...]
    match: Literal["places", "channels"]
    device: str
    frames: Frames
    still: Tensor | None

    def at(self, frame: int) -> GuideTerm:
        """The term at a frame."""
        if self.still is None:
            activation = guide_activation(self.network, self.layer, self.frames.frame(frame), self.device)
        else:
            activation = self.still
        if self.match == "channels":
            return GuideTerm(self.layer.name, self.weights[frame], channels=activation.mean(1))
        step = -(-activation.shape[1] // MOST_PLACES)
        return GuideTerm(self.layer.name, self.weights[frame], positions=activation[:, ::step])


def guide_activation(network: Network, layer: Layer, picture: Tensor, device: str) -> Tensor:
    """The activation (C, places) of a guide's picture (1, 3, h, w). The network is on the device already."""
    with torch.no_grad():
        activation = network(to_device(picture, device), frozenset({layer.name}))[layer.name]
    return activation.float().reshape(activation.shape[1], -1)


def open_guide(path: Path, *, longest: int, smallest: int, count: int, fps: Fraction) -> tuple[Frames, bool]:
    """The guide's picture at each of `count` frames at `fps`, and whether it is the same in all of them.

    A clip runs from its beginning at its own speed; once it is over its last frame stays. longest: the longest edge of
    the frame, smallest: the shortest edge that the layer can take, in pixels. InputError if the file is neither a
    picture nor a clip.
    """
    if is_picture(path):
        picture = read_image(path)
        size = _size((picture.shape[-2], picture.shape[-1]), longest, smallest)
        return StillFrames(resize(picture, size).clamp(0, 1)), True
    clip = open_clip(path)
    numbers = frame_numbers(clip, fps, Fraction(0), count / fps)
    return ClipReader(clip, numbers, _size(clip.size, longest, smallest), "stretch"), False


def _size(size: tuple[int, int], longest: int, smallest: int) -> tuple[int, int]:
    """(height, width) at which a guide of `size` is seen: as large as the frame, or as the layer needs it."""
    scale = min(LONGEST_EDGE, longest) / max(size)
    height, width = (max(smallest, round(edge * scale)) for edge in size)
    return height, width
