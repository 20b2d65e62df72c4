"""Colour statistics: brightness, contrast per band, saturation and tilt, measured and pulled back to a reference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from zoomdream.color.pyramid import bands, merge, root_mean_square
from zoomdream.machine.devices import constant

BT709 = (0.2126, 0.7152, 0.0722)
"""Shares of red, green and blue in the luma."""
BANDS = 5
_TINY = 1e-6  # on the scale of pixels


@dataclass(frozen=True, slots=True)
class ColorGains:
    """Factors on a gradient: on its `bands` from fine to coarse, (n,), and 0-dim on what is not grey."""

    bands: Tensor
    color: Tensor


@dataclass(frozen=True, slots=True)
class ColorStatistics:
    """What a picture's light and colour are like, on the scale where 1 is the full range of a pixel.

    mean: of red, green and blue. bands: root mean square of the luma in each band of a Laplacian pyramid from fine
    to coarse, the last is the rest; together they are the contrast. saturation: root mean square of the distance of
    a pixel's colour from its grey.
    tilt: how much brighter the right edge is than the middle, and the lower edge, as a plane fitted to the luma has it;
    empty where that is not held.
    """

    mean: tuple[float, float, float]
    bands: tuple[float, ...]
    saturation: float
    tilt: tuple[float, ...] = (0.0, 0.0)


def between(first: ColorStatistics, second: ColorStatistics, share: float) -> ColorStatistics:
    """What is `share` (0..1) of the way from one to the other. Raises ValueError where they have other bands."""

    def mixed(before: Sequence[float], after: Sequence[float]) -> tuple[float, ...]:
        return tuple((1 - share) * a + share * b for a, b in zip(before, after, strict=True))

    (red, green, blue), (across, down) = mixed(first.mean, second.mean), mixed(first.tilt, second.tilt)
    (saturation,) = mixed((first.saturation,), (second.saturation,))
    return ColorStatistics((red, green, blue), mixed(first.bands, second.bands), saturation, (across, down))


# The middle of 900 photographs (BSDS500 and one of each ImageNet class, at 160 to 320 pixels), a little towards
# their colourful quarter.
NATURAL = ColorStatistics(mean=(0.47, 0.45, 0.39), bands=(0.046, 0.036, 0.037, 0.045, 0.13), saturation=0.16)


def natural_at(scale: float) -> ColorStatistics:
    """NATURAL for frames `scale` times as large as those that it is for, those of 640x360, so that they hold the same
    contrasts relative to the frame: with more bands on larger ones, whose finest are as strong as that of NATURAL.
    """
    if scale == 1:
        return NATURAL
    *fine, rest = NATURAL.bands
    shift = math.log2(scale)
    count = max(1, len(fine) + round(shift))
    places = [min(max(band - shift, 0.0), len(fine) - 1.0) for band in range(count)]
    found = [_between(fine, place) for place in places]
    beyond = rest**2 - (count - len(fine) - shift) * fine[-1] ** 2
    return replace(NATURAL, bands=(*found, math.sqrt(beyond)))


def _between(values: Sequence[float], place: float) -> float:
    """The value at a place between two, in log scale."""
    before = min(int(place), len(values) - 2)
    low, high = values[before : before + 2]
    return math.exp(math.log(low) + (place - before) * math.log(high / low))


def luma(picture: Tensor) -> Tensor:
    """BT.709 luma of gamma-encoded RGB. (1, 3, H, W) to (1, 1, H, W)."""
    weights = constant(BT709, picture.dtype, picture.device)
    return (weights @ picture.flatten(2)).view(-1, 1, *picture.shape[2:])


def measure(picture: Tensor) -> ColorStatistics:
    """The colour statistics of a picture (1, 3, H, W)."""
    grey = luma(picture)
    levels = bands(grey - grey.mean(), BANDS - 1)
    slopes = [slope for slope, _ in _slopes(grey)]
    rest = [_saturation(picture - grey), *slopes, *(root_mean_square(level) for level in levels)]
    found = torch.cat([picture.mean(dim=(0, 2, 3)), torch.stack(rest)])
    red, green, blue, saturation, across, down, *each = found.tolist()  # in one read-back: each waits for the GPU
    return ColorStatistics((red, green, blue), tuple(each), saturation, (across, down))


def color_gains(picture: Tensor, reference: ColorStatistics) -> ColorGains:
    """What the picture (1, 3, H, W) lacks: energy of the reference over that found, of each luma band and of colour.

    Energies rather than amplitudes, because the pull has to win against layers that see little but one band
    (GoogLeNet mixed3b: 4 to 8 pixels) and against networks that love colour. Between 1/8 and 8; colour is never
    favoured over 2.
    """
    grey = luma(picture)
    levels = bands(grey - grey.mean(), BANDS - 1)
    return ColorGains(
        _wanting(levels, reference).square().clamp(1 / 8, 8),
        (reference.saturation / _saturation(picture - grey).clamp_min(_TINY)).square().clamp(1 / 8, 2),
    )


def hold(picture: Tensor, reference: ColorStatistics, share: float) -> Tensor:
    """Go `share` (0..1) of the way from the picture's statistics to `reference`; contrast and saturation in log scale.

    Nothing else keeps an endless feedback loop from burning: left alone its contrast doubles within 100 frames.
    Bands are held one by one, because with the total alone energy gathers in the finest (ripples) or leaves it
    (mush). (1, 3, H, W), returns a new one.
    """
    if share == 0:
        return picture
    grey = luma(picture)
    color = picture - grey
    middle = grey.mean()
    levels = bands(grey - middle, len(reference.bands) - 1)
    held = merge(levels, _gain(_wanting(levels, reference), share)).add_(middle)
    for (slope, ramp), goal in zip(_slopes(grey), reference.tilt, strict=False):
        held.add_((1 - (1 - share) ** 4) * (goal - slope) * ramp)
    goal_mean = constant(reference.mean, picture.dtype, picture.device).view(1, 3, 1, 1)
    shift = share * (goal_mean - picture.mean(dim=(2, 3), keepdim=True))
    wanting = reference.saturation / _saturation(color).clamp_min(_TINY)
    return color.mul_(_gain(wanting, share)).add_(held).add_(shift)


@dataclass(frozen=True, slots=True)
class Hold:
    """reference: what pictures are held to; None: each to what is seen of the source. shares: of the way that a frame
    is pulled back, 0..1. at_size: the reference for the frame's size, where that is another.
    """

    reference: ColorStatistics | None
    shares: tuple[float, ...]
    at_size: ColorStatistics | None = None

    def reference_of(self, seen: Tensor) -> ColorStatistics:
        """The reference of a frame whose source looks like `seen`, (1, 3, H, W)."""
        return measure(seen) if self.reference is None else self.reference

    def __call__(self, picture: Tensor, reference: ColorStatistics, frame: int, times: float = 1) -> Tensor:
        """A new picture (1, 3, H, W), pulled back so many times. Warm-up dreams before frame 0 have negative numbers
        and are held as that.
        """
        share = self.shares[max(frame, 0)]
        return hold(picture, self.at_size or reference, share if times == 1 else 1 - (1 - share) ** times)


def _saturation(color: Tensor) -> Tensor:
    """Root mean square, over the pixels, of how far colours (1, 3, H, W) without their grey are from it; 0-dim."""
    return root_mean_square(color) * math.sqrt(color.shape[1])


def _slopes(grey: Tensor) -> list[tuple[Tensor, Tensor]]:
    """For x and y: the slope of the plane fitted to a luma (1, 1, H, W), and the ramp from -1 to 1 that it scales."""
    found = []
    for axis in (3, 2):
        length = grey.shape[axis]
        shape = (1, 1, 1, length) if axis == 3 else (1, 1, length, 1)
        ramp = ((torch.arange(length, dtype=grey.dtype, device=grey.device) + 0.5) * (2 / length) - 1).view(shape)
        profile = grey.mean(dim=5 - axis, keepdim=True)
        found.append(((profile * ramp).mean() / ramp.square().mean(), ramp))
    return found


def _wanting(levels: Sequence[Tensor], reference: ColorStatistics) -> Tensor:
    """The reference's bands over those of a picture, from fine to coarse, (n,)."""
    # a picture may be so small that its pyramid has fewer levels than the reference's
    goals = (*reference.bands[: len(levels) - 1], reference.bands[-1])
    # no tensor is made of the goals: to a GPU it would have to be sent, and they may change with each frame of a clip
    shares = [root_mean_square(level).clamp_min(_TINY) / goal for level, goal in zip(levels, goals, strict=True)]
    return torch.stack(shares).reciprocal()


def _gain(wanting: Tensor, share: float) -> Tensor:
    # at most a factor of 2 either way: a flat picture has no contrast to enlarge, only rounding noise
    return wanting.clamp(0.5, 2) ** share


def soft_limit(picture: Tensor, knee: float = 0.12, low: float = 0.045, high: float = 0.955) -> Tensor:
    """Bend what leaves the range back into (low, high) smoothly: the identity inside, no flat burnt areas outside.

    The limits leave room for what encoding adds at edges of colour (4:2:0): with 0.012 and 0.988, 5 % of dreamnet's
    decoded pixels were clipped, with these 1.5 %. Values within `knee` of a limit or beyond it approach it as a
    hyperbolic tangent does.
    """
    inside = picture.clamp(low + knee, high - knee)
    return inside.add_((picture - inside).mul_(1 / knee).tanh_(), alpha=knee)
