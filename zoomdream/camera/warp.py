"""The one operation that moves pixels, and what lies beyond a picture's border.

Convention: flow is backward and in pixels, (1, 2, H, W), channel 0 is x (right), channel 1 is y (down): result(p) =
image(p + flow(p)). Pixel centres are at integers; the picture reaches from -0.5 to size - 0.5 (`align_corners=False`
everywhere).
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

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
    sizes = (image.shape[-1], image.shape[-2])
    coefficients = _spline_coefficients(image, wrapped=border == "wrap")
    if border == "wrap":  # with a margin of opposite pixels for the kernel
        coefficients = F.pad(coefficients, (2, 3, 2, 3), mode="circular")
    fetches = []
    for axis, size in enumerate(sizes):
        pixels = torch.arange(size, dtype=torch.float32, device=flow.device)
        position = flow[0, axis] + (pixels if axis == 0 else pixels[:, None])
        if border == "replicate":  # the nearest place inside
            position = position.clamp_(0, size - 1)
        elif border == "wrap":  # the same place inside
            position = torch.remainder(position, size).add_(2)
        fetches.append(_fetches(position, coefficients.shape[3 - axis]))
    (left, right, across), (upper, lower, down) = fetches
    return _gather(coefficients, (left, right), (upper, lower), across, down)


def _fetches(position: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """The two places along one axis, -1 to 1 from edge to edge, where linear interpolation fetches what the cubic
    B-spline kernel sees around a pixel `position`, and the share of the second. Tensors (H, W); overwrites `position`.

    With t the position less its whole part, the four weights are w0 = (1 - t)³/6, w1, w2, w3 = t³/6, the second share
    is w2 + w3 = (1 + 3t + 3t² - 2t³)/6, and the places are whole - w0 / (w0 + w1) and whole + 1 + w3 / (w2 + w3).
    """
    whole = torch.floor(position)
    t = position.sub_(whole)
    share = t.mul(-2).add_(3).mul_(t).add_(3).mul_(t).add_(1)  # times 6
    after = (t * t).mul_(t).div_(share)
    rest = t.neg_().add_(1)
    before = (rest * rest).mul_(rest).div_(6 - share)
    scale, offset = 2 / size, 1 / size - 1
    near = whole.sub(before).mul_(scale).add_(offset)
    far = after.add_(whole).mul_(scale).add_(offset + scale)
    return near, far, share.mul_(1 / 6)


def _gather(
    coefficients: Tensor, columns: tuple[Tensor, Tensor], rows: tuple[Tensor, Tensor], across: Tensor, down: Tensor
) -> Tensor:
    """Blend what lies at two columns and two rows by the shares of the second of them, `across` and `down`."""
    height, width = across.shape
    parts = strips(height) if across.device.type == "cpu" else 1  # side by side, as pictures of a batch are
    grid = torch.stack((columns[0], rows[0]), dim=-1).view(parts, -1, width, 2)
    coefficients = coefficients.expand(parts, -1, -1, -1)
    across, down = (share.view(parts, 1, -1, width) for share in (across, down))

    def fetch() -> Tensor:
        return F.grid_sample(coefficients, grid, mode="bilinear", padding_mode="reflection", align_corners=False)

    upper = fetch()  # then around the four places, one coordinate at a time
    grid[..., 0] = columns[1].view(grid.shape[:3])
    upper = torch.lerp(upper, fetch(), across)
    grid[..., 1] = rows[1].view(grid.shape[:3])
    lower = fetch()
    grid[..., 0] = columns[0].view(grid.shape[:3])
    found = torch.lerp(upper, torch.lerp(fetch(), lower, across), down)
    return found.transpose(0, 1).reshape(1, -1, height, width)


def strips(height: int) -> int:
    """Into how many strips of equal height a picture is parted: each takes but one of a CPU's threads."""
    return max(count for count in range(1, torch.get_num_threads() + 1) if height % count == 0)


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
