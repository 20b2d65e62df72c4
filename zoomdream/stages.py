"""The stages that a frame passes: frozen values, called with tensors and frame numbers, that know no config.

`assembly` makes them from a config; `pipeline` shows in which order a frame passes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zoomdream.camera.camera import Camera
from zoomdream.color.statistics import Hold
from zoomdream.dream.dreamer import Dreamer, FreshNoise
from zoomdream.flow.bidirectional import BidirectionalFlow
from zoomdream.flow.carry import Carry
from zoomdream.source.prefetch import FramePrefetch
from zoomdream.source.protocol import Closable, DeviceFrames


@dataclass(frozen=True, slots=True)
class DreamSchedule:
    """Which frames are dreamed on. key_frames: in order; the first and the last of each shot are among them. shots: the
    frames with which a shot begins, 0 among them. warmup: dreams before the first frame of a shot, so that it is
    already dreamed.
    """

    key_frames: tuple[int, ...]
    shots: tuple[int, ...]
    warmup: int


@dataclass(frozen=True, slots=True)
class ZoomStages:
    """The stages of a zoom. mask: where to dream, (1, 1, H, W) in 0..1; None: everywhere."""

    source: DeviceFrames
    camera: Camera
    noise: FreshNoise
    dream: Dreamer
    mask: DeviceFrames | None
    color: Hold
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


Stages = ZoomStages | ClipStages


def close_all(resources: Sequence[Closable]) -> None:
    """Give back what stages read from and compute with, the last opened first."""
    for resource in reversed(resources):
        resource.close()
