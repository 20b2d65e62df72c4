"""In-between frames: those between two dreamt ones (key frames).

An in-between frame has what the last key frame had, moved to where it is by then, and on top of it what the dream
changed in the next key frame, moved back and faded in. What the dream left alone is in both at the same place, so
nothing has a ghost; a plain cross-fade would show every new edge beside the one that it replaces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from zoomdream.camera.camera import Camera
from zoomdream.camera.motion import outside
from zoomdream.camera.warp import Border, warp
from zoomdream.color.pyramid import detail
from zoomdream.flow.bidirectional import BidirectionalFlow
from zoomdream.flow.confidence import eroded, follow


@dataclass(frozen=True, slots=True)
class KeyInterval:
    """From one key frame of a zoom to the next: their numbers, the first picture, the same moved by the camera to the
    time of the second, and what the dream made of that. Pictures (1, 3, H, W).
    """

    begin: int
    end: int
    start: Tensor
    moved: Tensor
    dreamt: Tensor

    def weight(self, index: int) -> float:
        """The interpolation weight of the second key frame at frame `index`, 0..1."""
        return (index - self.begin) / (self.end - self.begin)


def between(
    interval: KeyInterval, index: int, from_start: Tensor, from_end: Tensor, border: Border, *, known: bool = True
) -> Tensor:
    """The picture (1, 3, H, W) of frame `index` of an interval.

    Backward flow, (1, 2, H, W): `from_start` moves the first key frame to that frame, `from_end` the second. known:
    whether what comes in over the border is the picture itself, continued; else it is what came in by the end.

    Nothing fades in where the second key frame no longer shows the place.
    """
    weight = interval.weight(index)
    picture = warp(interval.start, from_start, border)
    if not known:
        picture = torch.lerp(picture, warp(interval.moved, from_end, border), outside(from_start))
    change = warp(interval.dreamt - interval.moved, from_end, border)
    picture = picture + weight * (1 - outside(from_end, 0.5)) * change
    return match_detail(picture, interval.start, interval.dreamt, weight)


def zoom_in_between(interval: KeyInterval, frame: int, camera: Camera) -> Tensor:
    """The picture (1, 3, H, W) of a frame of an interval of a zoom."""
    device = interval.start.device
    from_start = camera.flow(interval.begin, frame, device)
    from_end = camera.flow_back(frame, interval.end, device)
    if camera.border != "noise":
        return between(interval, frame, from_start, from_end, camera.border)
    return between(interval, frame, from_start, from_end, "reflect", known=False)  # the noise that came in, no other


def interpolate_added(carried: Sequence[Tensor], motions: Sequence[BidirectionalFlow], last: Tensor) -> list[Tensor]:
    """What the dream adds to the frames of a clip between two key frames, (1, 3, H, W) each.

    carried: what it added to the first key frame, and what of that was carried to each frame after it up to the second.
    motions: of each of those frames from the one before. last: what the dream added to the second key frame.
    """
    change, found = last - carried[-1], []
    for place in range(len(motions) - 1, 0, -1):
        forward, weight = motions[place].forward(), place / len(motions)
        change = eroded(forward.confidence) * warp(change, forward.flow, "replicate")
        found.append(match_detail(carried[place] + weight * change, carried[0], last, weight))
    return found[::-1]


def blend_by_visibility(carried: Tensor, added: Tensor, motions: Sequence[BidirectionalFlow]) -> Tensor:
    """What the dream adds to a key frame, (1, 3, H, W): blends what was carried with what is new by how long each pixel
    has been visible since the last key frame.

    Where motion is too fast to be followed, all is ever new: the dream of four frames in every fourth and none between
    let the sharpness of a street pulse by 19 %, this by 8.
    """
    if len(motions) < 2:
        return added
    visible = torch.ones_like(added[:, :1])
    for motion in motions:
        backward = motion.backward
        visible = follow(visible, backward.flow) * eroded(backward.confidence) + 1 / len(motions)
        visible = visible.clamp_max(1)
    return torch.lerp(carried, added, visible)


def match_detail(picture: Tensor, first: Tensor, last: Tensor, weight: float) -> Tensor:
    """The picture with as much of the finest detail as lies `weight` (0..1) of the way from `first` to `last`; all
    (1, 3, H, W). Detail is only given, never taken, and at most doubled.

    Resampling takes the finest detail (of fresh noise the most), of which key frames have all: unless that is given
    back, each of them is a pulse. The gradient of a zoom's was 6 % above that of the others where every second frame
    is dreamt on, 10 % with every fourth; now it is 1 and 2 %.
    """
    fine = detail(picture)
    wanted = torch.lerp(_deviation(detail(first)), _deviation(detail(last)), weight)
    more: Tensor = (wanted / _deviation(fine).clamp_min(1e-6) - 1).clamp(0, 1)
    return picture + more * fine


def _deviation(values: Tensor) -> Tensor:
    return values.square().mean().sqrt()
