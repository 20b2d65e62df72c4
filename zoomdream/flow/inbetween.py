"""The frames that lie between two dreamt ones.

They have what the last dreamt frame had, moved to where it is by then, and on top of it what the dream changed in the
next one, moved back and faded in. What the dream left alone is in both at the same place, so nothing has a ghost; a
plain cross-fade would show every new edge beside the one that it replaces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from zoomdream.camera.motion import outside
from zoomdream.camera.warp import Border, warp
from zoomdream.color.pyramid import detail
from zoomdream.flow.carry import Way, narrowed
from zoomdream.flow.confidence import follow


@dataclass(frozen=True, slots=True)
class Leap:
    """From a dreamt frame to the next one: their numbers, what the first looks like, the same where the camera has
    taken it by the time of the second, and what the dream made of that. Pictures (1, 3, H, W).
    """

    begin: int
    end: int
    start: Tensor
    moved: Tensor
    dreamt: Tensor

    def share(self, index: int) -> float:
        """How much of the way is behind frame `index`, 0..1."""
        return (index - self.begin) / (self.end - self.begin)


def between(leap: Leap, index: int, there: Tensor, home: Tensor, border: Border, *, known: bool = True) -> Tensor:
    """The picture (1, 3, H, W) of frame `index` of a leap.

    Backward flow, (1, 2, H, W): `there` takes the start to that frame, `home` the end back to it. known: whether what
    comes in over the border is the picture itself, continued; else it is what came in by the end.

    Nothing fades in where the end no longer sees the place.
    """
    share = leap.share(index)
    picture = warp(leap.start, there, border)
    if not known:
        picture = torch.lerp(picture, warp(leap.moved, home, border), outside(there))
    picture = picture + share * (1 - outside(home, 0.5)) * warp(leap.dreamt - leap.moved, home, border)
    return as_fine(picture, leap.start, leap.dreamt, share)


def faded(added: Sequence[Tensor], ways: Sequence[Way], last: Tensor) -> list[Tensor]:
    """What the dream adds to the frames of a clip between two that are dreamt on, (1, 3, H, W) each.

    added: to the first of the two, and what of it was carried to each frame after it up to the second; last: to the
    second. ways: how each of them came out of the one before.
    """
    change, found = last - added[-1], []
    for place in range(len(ways) - 1, 0, -1):
        home, share = ways[place].back(), place / len(ways)
        change = narrowed(home.trust) * warp(change, home.flow, "replicate")
        found.append(as_fine(added[place] + share * change, added[0], last, share))
    return found[::-1]


def ripe(carried: Tensor, added: Tensor, ways: Sequence[Way]) -> Tensor:
    """What the dream adds to a frame, for which it makes up for those on the way there: less where things came into
    sight since, as they would have had less time. (1, 3, H, W).

    Where motion is too fast to be followed, all is ever new: the dream of four frames in every fourth and none between
    let the sharpness of a street pulse by 19 %, this by 8.
    """
    if len(ways) < 2:
        return added
    grown = torch.ones_like(added[:, :1])
    for way in ways:
        grown = (follow(grown, way.there.flow) * narrowed(way.there.trust) + 1 / len(ways)).clamp_max(1)
    return torch.lerp(carried, added, grown)


def as_fine(picture: Tensor, first: Tensor, last: Tensor, share: float) -> Tensor:
    """The picture with as much of the finest detail as lies `share` (0..1) of the way from `first` to `last`; all
    (1, 3, H, W). Detail is only given, never taken, and at most doubled.

    Moving a picture takes its finest detail (of fresh noise the most), of which dreamt frames have all: unless that is
    given back, each of them is a pulse. The gradient of a zoom's was 6 % above that of the others where every second
    one is dreamt on, 10 % with every fourth; now it is 1 and 2 %.
    """
    fine = detail(picture)
    wanted = torch.lerp(_deviation(detail(first)), _deviation(detail(last)), share)
    more: Tensor = (wanted / _deviation(fine).clamp_min(1e-6) - 1).clamp(0, 1)
    return picture + more * fine


def _deviation(values: Tensor) -> Tensor:
    return values.square().mean().sqrt()
