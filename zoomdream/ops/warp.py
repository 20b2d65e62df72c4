"""The one operation that moves pixels.

Convention: flow is backward and in pixels, (1, 2, H, W), channel 0 is x (right), channel 1 is y (down): result(p) =
image(p + flow(p)). Pixel centres are at integers; the picture reaches from -0.5 to size - 0.5 (`align_corners=False`
everywhere).
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from zoomdream.ops.constant import constant

Border = Literal["reflect", "replicate", "wrap"]

_POLE = 3**0.5 - 2  # of the cubic B-spline's inverse filter
_DOUBLINGS = (1, 2, 4, 8)
_REACH = sum(_DOUBLINGS)  # taps to each side of the inverse filter: 0.268 ** 16 = 7e-10, below float32's resolution


def identity_grid(size: tuple[int, int], device: torch.device | None = None) -> Tensor:
    """(1, 2, H, W): the (x, y) of every pixel."""
    height, width = size
    y, x = torch.meshgrid(
        torch.arange(height, dtype=torch.float32, device=device),
        torch.arange(width, dtype=torch.float32, device=device),
        indexing="ij",
    )
    return torch.stack((x, y))[None]


def warp(image: Tensor, flow: Tensor, border: Border = "reflect") -> Tensor:
    """Resample `image` by cubic B-spline interpolation so that pixel p of the result is image(p + flow(p)).

    image (1, C, H, W); flow (1, 2, H, W); returns (1, C, H, W). `border` says what lies outside: the mirrored
    picture, its last pixels drawn out, or its opposite side.

    Why splines: an endless zoom resamples its own result every frame. Interpolating splines (Unser 1999, "Splines: a
    perfect fit") keep far more of the fine detail per pass than the 4x4 kernels, and never amplify a frequency,
    which PyTorch's own bicubic (a = -0.75) does: in a feedback loop that grows into rings. Four bilinear fetches
    evaluate the 4x4 kernel (Sigg and Hadwiger 2005).
    """
    height, width = image.shape[-2:]
    position = identity_grid((height, width), image.device) + flow
    coefficients = _spline_coefficients(image, wrapped=border == "wrap")
    extent = constant((width, height), torch.float32, image.device).view(1, 2, 1, 1)
    if border == "replicate":  # the nearest place inside
        position = torch.minimum(position.clamp_min(0), extent - 1)
    elif border == "wrap":  # the same place inside, with a margin of opposite pixels for the kernel
        position = torch.remainder(position, extent) + 2
        coefficients = F.pad(coefficients, (2, 3, 2, 3), mode="circular")
    whole = torch.floor(position)
    t = position - whole
    # cubic B-spline weights of the four neighbours, joined to two bilinear fetches per axis
    square = t * t
    w3 = square * t / 6
    w1 = 3 * w3 - square + 2 / 3
    rest = 1 - t
    w01 = rest * rest * rest / 6 + w1
    right = 1 - w01
    before = whole - 1 + w1 / w01
    after = whole + 1 + w3 / right
    return _gather(coefficients, before, after, right)


def _gather(coefficients: Tensor, before: Tensor, after: Tensor, right: Tensor) -> Tensor:
    """Blend the bilinear fetches at `before` and `after` by `right`, the share of `after`, in x and in y."""
    height, width = coefficients.shape[-2:]
    scale = constant((2 / width, 2 / height), torch.float32, coefficients.device).view(1, 2, 1, 1)
    offset = scale / 2 - 1
    near, far = torch.addcmul(offset, before, scale), torch.addcmul(offset, after, scale)
    grid = torch.stack((near[:, 0], near[:, 1]), dim=-1)

    def fetch() -> Tensor:
        return F.grid_sample(coefficients, grid, mode="bilinear", padding_mode="reflection", align_corners=False)

    across, down = right[:, :1], right[:, 1:]
    upper = fetch()  # then around the four places, one coordinate at a time
    grid[..., 0] = far[:, 0]
    upper = torch.lerp(upper, fetch(), across)
    grid[..., 1] = far[:, 1]
    lower = fetch()
    grid[..., 0] = near[:, 0]
    return torch.lerp(upper, torch.lerp(fetch(), lower, across), down)


def _spline_coefficients(image: Tensor, *, wrapped: bool) -> Tensor:
    """The B-spline coefficients whose cubic spline passes through every pixel. Shape of `image`.

    The inverse filter is -6 p / ((1 - p z)(1 - p / z)), p the pole (Unser 1999), and 1 / (1 - p z) is the product of
    (1 + p z), (1 + p^2 z^2), (1 + p^4 z^4) and so on: 16 sums of slices instead of 50 taps (640x360: 1.7 ms, 13 as
    convolutions).
    """
    for axis in (2, 3):
        image = _extend(image, axis, wrapped=wrapped)
        for distance in _DOUBLINGS:
            count = image.shape[axis] - distance
            before, after = image.narrow(axis, 0, count), image.narrow(axis, distance, count)
            image = torch.add(after, before, alpha=_POLE**distance)
        for distance in _DOUBLINGS:
            count = image.shape[axis] - distance
            before, after = image.narrow(axis, 0, count), image.narrow(axis, distance, count)
            image = torch.add(before, after, alpha=_POLE**distance)
    return image * (6 * _POLE) ** 2


def _extend(image: Tensor, axis: int, *, wrapped: bool) -> Tensor:
    """Lengthen `axis` by the filter's reach at both ends, however short it is: wrapped, or mirrored about the outer
    edge of the last pixel as grid_sample's reflection is."""
    length = image.shape[axis]
    index = torch.arange(-_REACH, length + _REACH, device=image.device)
    if wrapped:
        index = torch.remainder(index, length)
    else:
        index = torch.remainder(index, 2 * length)
        index = torch.where(index < length, index, 2 * length - 1 - index)
    return image.index_select(axis, index)
