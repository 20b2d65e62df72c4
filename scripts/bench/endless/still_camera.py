"""The camera alone, dreaming switched off: against exact pictures, against photographs, at several frame rates.

The truth here is written out anew and shares no code with zoomdream.ops.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

import zoomdream

CAMERA = {"zoom": 1.35, "rotate": 3.0, "pivot": [0.4, 0.55]}
FPS = 30
RATES = (24, 30, 60)
SECONDS = 4
SCHEDULED_ZOOM = "1.3 + 0.1*sin(2*pi*t/8)"


def undreamt(
    picture: Path, size: tuple[int, int], frames: int, fps: int, camera: Mapping[str, Any]
) -> Iterator[Tensor]:
    """The frames (3, H, W) of a camera that moves over a picture of `size` (width, height), nothing dreamt or held."""
    return zoomdream.frames(
        {
            "size": list(size),
            "fps": fps,
            "frames": frames,
            "source": {"kind": "image", "path": str(picture)},
            "dream": {"steps": 0},
            "camera": dict(camera),
            "color": {"hold": 0},
        }
    )


def origins(size: tuple[int, int], camera: Mapping[str, Any], seconds: float) -> tuple[Tensor, Tensor]:
    """Where each pixel's content was `seconds` ago: x and y, (H, W) float64, pixel centres at integers.

    The pivot stays; content moves away from it by zoom ** seconds and turns counter-clockwise on screen.
    """
    width, height = size
    pivot_x, pivot_y = camera["pivot"][0] * width - 0.5, camera["pivot"][1] * height - 0.5
    y, x = torch.meshgrid(
        torch.arange(height, dtype=torch.float64), torch.arange(width, dtype=torch.float64), indexing="ij"
    )
    radius = torch.hypot(x - pivot_x, y - pivot_y) / camera["zoom"] ** seconds
    # the angle seen on screen: y points down, so counter-clockwise is a falling atan2(y, x)
    angle = torch.atan2(y - pivot_y, x - pivot_x) + math.radians(camera["rotate"] * seconds)
    return pivot_x + radius * torch.cos(angle), pivot_y + radius * torch.sin(angle)


def cosines(x: Tensor, y: Tensor, waves: int = 400, shortest: float = 2.5) -> Tensor:
    """A picture given by a formula at any place: cosines of `shortest` to 80 pixels in all directions, amplitude 1/f.

    x, y (H, W) in pixels; returns (1, 3, H, W), mean 0.5, deviation 0.12, the same for the same place.
    """
    random = torch.Generator().manual_seed(2)
    draws = torch.rand((3, waves, 3), generator=random, dtype=torch.float64)
    picture = torch.zeros((3, *x.shape), dtype=torch.float64)
    for channel, channel_draws in enumerate(draws):
        power = 0.0
        for share, direction, phase in channel_draws.tolist():
            length = (
                shortest * (80 / shortest) ** share
            )  # as many waves in each octave: 1/f amplitude in two dimensions
            angle, turn = 2 * math.pi * direction, 2 * math.pi
            across = (math.cos(angle) * x + math.sin(angle) * y) / length
            picture[channel] += torch.cos(turn * (across + phase))
            power += 0.5
        picture[channel] *= 0.12 / math.sqrt(power)
    return (picture + 0.5)[None]


def sinc_sampled(picture: Tensor, x: Tensor, y: Tensor, finer: int = 8) -> Tensor:
    """A picture (1, C, H, W) at any places (H, W): mirrored, made finer by its Fourier series, then cubic."""
    height, width = picture.shape[-2:]
    grids = 2 * torch.stack(((x + 0.5) / width, (y + 0.5) / height), dim=-1)[None] - 1
    channels = []
    for channel in picture.double().split(1, dim=1):  # one by one: the enlarged mirror image is large
        mirrored = torch.cat([channel, channel.flip(2)], dim=2)
        mirrored = torch.cat([mirrored, mirrored.flip(3)], dim=3)
        fine = _enlarged(mirrored, finer)[..., : finer * height, : finer * width]
        # sample k of the enlarged picture lies at k / finer, not at (k + 0.5) / finer - 0.5: half a step less
        shift = torch.tensor((1.0, 1.0), dtype=torch.float64) - 1 / finer
        scale = torch.tensor((width, height), dtype=torch.float64)
        channels.append(
            F.grid_sample(fine, grids - shift / scale, mode="bicubic", padding_mode="reflection", align_corners=False)
        )
    return torch.cat(channels, dim=1)


def _enlarged(periodic: Tensor, finer: int) -> Tensor:
    """Every sample of a periodic picture stays, `finer` - 1 new ones come between along each axis."""
    height, width = periodic.shape[-2:]
    spectrum = torch.fft.rfft2(periodic)
    half = height // 2
    padded = torch.zeros((*periodic.shape[:2], height * finer, width * finer // 2 + 1), dtype=spectrum.dtype)
    padded[..., :half, : width // 2 + 1] = spectrum[..., :half, :]
    padded[..., -half:, : width // 2 + 1] = spectrum[..., -half:, :]
    return torch.fft.irfft2(padded, s=(height * finer, width * finer)) * finer**2


def psnr(found: Tensor, truth: Tensor, margin: int) -> float:
    """Peak signal-to-noise ratio in decibels, without `margin` pixels at each edge."""
    inner = (..., slice(margin, -margin), slice(margin, -margin))
    return float(-10 * torch.log10((found[inner].double() - truth[inner].double()).square().mean().clamp_min(1e-12)))


def save(path: Path, picture: Tensor) -> None:
    """Write (1, 3, H, W) in [0, 1] as 8 bit PNG."""
    pixels = (picture[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0)
    Image.fromarray(pixels.numpy()).save(path)


def formula_psnr(size: tuple[int, int], folder: Path) -> float:
    """Frame 1 of a picture that is known everywhere, against what the formula gives at the places it came from."""
    width, height = size
    y, x = torch.meshgrid(
        torch.arange(height, dtype=torch.float64), torch.arange(width, dtype=torch.float64), indexing="ij"
    )
    path = folder / "cosines.png"
    save(path, cosines(x, y))
    _, moved = undreamt(path, size, 2, FPS, CAMERA)
    return psnr(moved[None], cosines(*origins(size, CAMERA, 1 / FPS)), margin=2)


def photo_psnr(photo: Path, size: tuple[int, int]) -> float:
    """Frame 1 of a photograph against its sinc interpolation, away from the edges."""
    start, moved = undreamt(photo, size, 2, FPS, CAMERA)
    truth = sinc_sampled(start[None], *origins(size, CAMERA, 1 / FPS))
    return psnr(moved[None], truth, margin=max(4, size[1] // 16))


def magnifications(size: tuple[int, int], zoom: float | str, rates: Sequence[int], folder: Path) -> list[float]:
    """How far three blobs, one in each colour, have moved apart after 4 seconds, at each frame rate."""
    path = folder / "blobs.png"
    save(path, blobs(size))
    found = []
    for rate in rates:
        first = last = None
        for last in undreamt(path, size, SECONDS * rate + 1, rate, {**CAMERA, "zoom": zoom, "pivot": [0.5, 0.5]}):
            first = last if first is None else first
        assert first is not None
        assert last is not None
        found.append(_extent(last) / _extent(first))
    return found


def blobs(size: tuple[int, int]) -> Tensor:
    """A red, a green and a blue Gaussian blob on black, near enough to the middle to stay inside when it triples."""
    width, height = size
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    reach, deviation = height / 10, height / 60
    channels = []
    for number in range(3):
        angle = 2 * math.pi * number / 3 + 0.2
        center_x, center_y = width / 2 + reach * math.cos(angle), height / 2 + reach * math.sin(angle)
        channels.append(torch.exp(-((x - center_x) ** 2 + (y - center_y) ** 2) / (2 * deviation**2)))
    return torch.stack(channels)[None]


def _extent(frame: Tensor) -> float:
    """Mean distance between the centroids of the three colours, in pixels. (3, H, W)."""
    weights = frame.double()
    total = weights.sum(dim=(1, 2))
    y = (weights.sum(dim=2) * torch.arange(frame.shape[1])).sum(dim=1) / total
    x = (weights.sum(dim=1) * torch.arange(frame.shape[2])).sum(dim=1) / total
    return float(torch.hypot(x - x.roll(1), y - y.roll(1)).mean())


def true_magnification(zoom: float | str) -> float:
    """The integral of the zoom over 4 seconds; for SCHEDULED_ZOOM by a fine sum of the same formula in Python."""
    if isinstance(zoom, float | int):
        return float(zoom**SECONDS)
    assert zoom == SCHEDULED_ZOOM
    steps = 100_000
    times = ((step + 0.5) * SECONDS / steps for step in range(steps))
    mean = sum(math.log(1.3 + 0.1 * math.sin(2 * math.pi * time / 8)) for time in times) / steps
    return math.exp(mean * SECONDS)
