"""The shapes that the parts of the pipeline hand to each other.

Convention: pictures are (1, 3, H, W) float32 RGB in [0, 1], transparent ones (1, 4, H, W), see color.alpha; flow is
(1, 2, H, W) in pixels, channel 0 is x (right), 1 is y (down), backward: result(p) = image(p + flow(p)). Points are
(x, y), sizes are (height, width).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True, slots=True)
class State:
    """What one frame remembers for the next: the frame's number and the dream, never rounded. (1, 3, H, W) float32;
    of a transparent source picture and `seen` are (1, 4, H, W).

    The picture may be larger than the frame that is shown, which is its middle: where the camera reveals what was
    outside, that is dreamt there before it comes into view. A dreamt clip also remembers its own frame (`seen`) and
    what the dream added to it. A frame that was not dreamt on remembers the last one that was (`key`), from which it
    was made and all after it are; one that was may be shown moved by part of a pixel, and remembers itself unmoved.
    While a loop closes, `lead` is what leads into its beginning, at the same moment, and `grown`, (1, 1, H, W) in 0..1,
    where that is shown already.
    """

    index: int
    picture: Tensor
    seen: Tensor | None = None
    added: Tensor | None = None
    key: State | None = None
    lead: State | None = None
    grown: Tensor | None = None

    def to(self, device: str, *, non_blocking: bool = False) -> State:
        """The same on another device. non_blocking: the copies are only queued; see torch.Tensor.to."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)[1:]}
        moved = {name: part.to(device, non_blocking=non_blocking) for name, part in parts.items() if part is not None}
        return State(self.index, **moved)

    def of_clip(self) -> tuple[Tensor, Tensor]:
        """What a state of a clip remembers besides the picture: its own frame, and what the dream added to it."""
        assert self.seen is not None
        assert self.added is not None
        return self.seen, self.added

    def shown(self, size: tuple[int, int]) -> Tensor:
        """The middle of the picture, (1, C, *size); `size` is (height, width) and no larger than the picture."""
        height, width = size
        top, left = (self.picture.shape[-2] - height) // 2, (self.picture.shape[-1] - width) // 2
        return self.picture[..., top : top + height, left : left + width]


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer that can be dreamed with.

    `cost` is the share (0..1) of the whole network's multiplications that it takes to reach this layer.
    """

    name: str
    channels: int
    stride: int
    cost: float
    aliases: tuple[str, ...] = ()


class Network(Protocol):
    """A classifier opened up. A call runs no further than the deepest wanted layer and returns just the wanted ones.

    image (1, 3, H, W) float32 RGB in [0, 1], which the network itself brings to the precision of its weights, after it
    has taken off a mean: in bfloat16 numbers around 0 are finer than around 0.5. Each activation (1, C, h, w).
    """

    @property
    def name(self) -> str: ...

    @property
    def layers(self) -> tuple[Layer, ...]: ...

    def __call__(self, image: Tensor, wanted: frozenset[str]) -> Mapping[str, Tensor]: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """Every `auto` of a config, resolved on this machine. Stored with a render and used again by whoever continues
    it. cuts: the frames with which a new shot of a clip begins, without 0. tile: pixels, 0 where the network sees every
    picture whole. encoder_threads: pinned, because what x264 decides depends on their number.
    """

    device: str
    precision: str
    threads: int
    pixel_format: str
    cuts: tuple[int, ...] = ()
    tile: int = 0
    encoder_threads: int = 2


@dataclass(frozen=True, slots=True)
class SoundKind:
    """What a decoder makes of a sound for a while. layout: ffmpeg's name, such as "5.1(side)" or "16 channels"; rate:
    samples per second.
    """

    layout: str
    channels: int
    rate: int


class Samples(Protocol):
    """The first `length` seconds of a sound as 32 bit floats, interleaved; None: all there is. layout: "mono",
    "stereo", "5.1" or "7.1".

    Raises InputError if its file cannot be opened any more.
    """

    def __call__(self, layout: str, rate: int, length: Fraction | None) -> Iterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class Soundtrack:
    """The sound of `length` seconds of pictures, the first of which is shown at `begin` on its file's clock.

    tracks: all of the file, for people; number: the one of them that is taken, from 1 on; stream: its index among all
    streams; codec: as ffmpeg calls it. kinds: all that is heard on the way; empty where the sound is over before. ends:
    seconds from the first picture to the end of the last sound, None where it goes on after the pictures and all of it
    was meant. intact: the file's packets are this sound, without any change. damaged: when packets should be heard that
    cannot be decoded, in seconds after the first picture.
    """

    path: Path
    tracks: tuple[str, ...]
    number: int
    stream: int
    codec: str
    begin: Fraction
    length: Fraction
    kinds: tuple[SoundKind, ...]
    ends: Fraction | None
    intact: bool
    damaged: tuple[Fraction, ...]
    samples: Samples
