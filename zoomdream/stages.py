"""The stages that a frame passes: frozen values, called with tensors and frame numbers, that know no config.

`assembly` makes them from a config; `pipeline` shows in which order a frame passes them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from zoomdream.camera.camera import Camera
from zoomdream.camera.droste import DrosteCamera, Size
from zoomdream.color.statistics import Hold
from zoomdream.dream.dreamer import Dreamer, FreshNoise
from zoomdream.flow.bidirectional import BidirectionalFlow
from zoomdream.flow.carry import Carry
from zoomdream.flow.closing import Closing
from zoomdream.source.prefetch import FramePrefetch
from zoomdream.source.protocol import Closable, DeviceFrames
from zoomdream.types import State


@dataclass(frozen=True, slots=True)
class DreamSchedule:
    """Which frames are dreamed on. key_frames: in order; the first and the last of each shot are among them, and in a
    loop, in place of the last, the number of frames, which is frame 0 again. shots: the
    frames with which a shot begins, 0 among them. warmup: dreams before the first frame of a shot, so that it is
    already dreamed. adaptive: frames of a clip to which nothing can be carried are dreamed on too.
    """

    key_frames: tuple[int, ...]
    shots: tuple[int, ...]
    warmup: int
    adaptive: bool = False

    def following(self, frame: int) -> int:
        """The key frame after a frame."""
        return self.key_frames[bisect_right(self.key_frames, frame)]

    def share(self, last: int, frame: int) -> float:
        """The time from the last dream to a frame, over that for which its step size and hold are meant: from the key
        frame before to a key frame, one frame of others.
        """
        place = bisect_left(self.key_frames, frame)
        meant = frame - self.key_frames[place - 1] if frame == self.key_frames[place] else 1
        return (frame - last) / meant


@dataclass(frozen=True, slots=True)
class ZoomStages:
    """The stages of a zoom. mask: where to dream, (1, 1, H, W) in 0..1; None: everywhere. closing: of a film that ends
    in the beginning of a loop, its own or, where there is one, that of `after`. before: another film, from whose last
    frame this one goes on. beginning: the same at the size at which films of all sizes begin; None where this is it.
    ended: the state after that frame, where it is known, of a film that another goes on from.
    """

    source: DeviceFrames
    camera: Camera
    noise: FreshNoise
    dream: Dreamer
    mask: DeviceFrames | None
    color: Hold
    schedule: DreamSchedule
    closing: Closing | None = None
    before: ZoomStages | None = None
    ended: State | None = None
    after: ZoomStages | None = None
    beginning: ZoomStages | None = None
    resources: tuple[Closable, ...] = ()

    def close(self) -> None:
        close_all(self.resources)


@dataclass(frozen=True, slots=True)
class DrosteStages:
    """The stages of a picture that contains itself, see camera.droste. growth: (height, width) of it in each dream
    before the first frame, the last is its own; seed: of where its edges lie in each.
    """

    source: DeviceFrames
    camera: DrosteCamera
    noise: FreshNoise
    dream: Dreamer
    color: Hold
    growth: tuple[Size, ...]
    seed: int
    schedule: DreamSchedule
    resources: tuple[Closable, ...] = ()

    def close(self) -> None:
        close_all(self.resources)


@dataclass(frozen=True, slots=True)
class ClipStages:
    """The stages of a dreamed clip. footage: its frames and their motion. opacity: of the dream, by frame."""

    footage: FramePrefetch[BidirectionalFlow]
    carry: Carry
    noise: FreshNoise
    dream: Dreamer
    mask: DeviceFrames | None
    color: Hold
    opacity: tuple[float, ...]
    schedule: DreamSchedule
    resources: tuple[Closable, ...] = ()

    def close(self) -> None:
        close_all(self.resources)


Stages = ZoomStages | DrosteStages | ClipStages


def close_all(resources: Sequence[Closable]) -> None:
    """Give back what stages read from and compute with, the last opened first."""
    for resource in reversed(resources):
        resource.close()
