"""What the networks look at while one learns from the other: crops of photos, coloured noise, simple shapes.

All pictures are (3, size, size) float32 RGB in [0, 1]. Randomness comes from the torch generator that is handed in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional


def read_photo(path: Path) -> Tensor:
    """(3, H, W) uint8."""
    with Image.open(path) as image:
        return torch.from_numpy(numpy.array(image.convert("RGB"))).permute(2, 0, 1).contiguous()


def read_photos(paths: Sequence[Path]) -> list[Tensor]:
    with ThreadPoolExecutor(4) as readers:
        return list(readers.map(read_photo, paths))


def uniform(low: float, high: float, generator: torch.Generator) -> float:
    return low + (high - low) * torch.rand((), generator=generator).item()


def pick(count: int, generator: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=generator).item())


def photo_crop(photo: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """A square of 0.55 to 1 of the photo's short side (for small pictures from 0.3), mirrored half of the time."""
    height, width = photo.shape[1:]
    short = min(height, width)
    smallest = max(0.3, min(0.55, 0.3 * size / 112))
    edge = max(16, round(short * math.exp(uniform(math.log(smallest), 0.0, generator))))
    top, left = pick(height - edge + 1, generator), pick(width - edge + 1, generator)
    crop = photo[:, top : top + edge, left : left + edge].float().div_(255)[None]
    crop = functional.interpolate(crop, (size, size), mode="bicubic", antialias=edge > size, align_corners=False)[0]
    return crop.flip(2) if pick(2, generator) else crop


def recolour(picture: Tensor, generator: torch.Generator) -> Tensor:
    """Contrast 0.4 to 1.4, saturation 0.3 to 1.6, brightness and tint shifted; 3 pictures of 10 stay as they are."""
    if uniform(0, 1, generator) < 0.3:
        return picture.clamp(0, 1)
    mean = picture.mean(dim=(1, 2), keepdim=True)
    grey = picture.mean(dim=0, keepdim=True)
    picture = grey + (picture - grey) * uniform(0.3, 1.6, generator)
    picture = mean + (picture - mean) * uniform(0.4, 1.4, generator)
    picture = picture + uniform(-0.1, 0.1, generator) + 0.05 * torch.randn(3, 1, 1, generator=generator)
    return picture.clamp(0, 1)


def noise(size: int, generator: torch.Generator) -> Tensor:
    """Coloured noise whose amplitude falls as frequency ** -slope, from 0 (white) to 1.8 (softer than nature's 1)."""
    slope = uniform(0.0, 1.8, generator)
    frequency = torch.hypot(torch.fft.fftfreq(size)[:, None], torch.fft.rfftfreq(size)[None, :]).clamp_(min=1 / size)
    spectrum = torch.fft.rfft2(torch.randn(3, size, size, generator=generator)) * frequency**-slope
    spectrum[:, 0, 0] = 0
    layers = torch.fft.irfft2(spectrum, s=(size, size))
    layers = layers / layers.std()
    mixing = torch.ones(3, 3) * uniform(0.0, 1.5, generator) + torch.randn(3, 3, generator=generator) * 0.7
    picture = torch.einsum("ij,jhw->ihw", mixing, layers)
    mean = 0.45 + 0.12 * torch.randn(3, 1, 1, generator=generator)
    return (mean + picture / picture.std() * uniform(0.03, 0.25, generator)).clamp(0, 1)


def shapes(size: int, generator: torch.Generator) -> Tensor:
    """Noise with a few soft or hard ellipses and stripes of one colour each over it."""
    picture = noise(size, generator)
    line = torch.linspace(-1, 1, size)
    for _ in range(2 + pick(6, generator)):
        angle, radius = uniform(0, math.pi, generator), math.exp(uniform(math.log(0.05), math.log(0.7), generator))
        x, y = line[None, :] - uniform(-1, 1, generator), line[:, None] - uniform(-1, 1, generator)
        along, across = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
        if pick(4, generator) == 0:
            distance = torch.cos(along / radius * 6) * 0.3 + (across.abs() - radius).clamp(min=0) * 4
        else:
            distance = torch.hypot(along / radius, across / (radius * uniform(0.3, 1, generator))) - 1
        mask = torch.sigmoid(-distance * math.exp(uniform(math.log(2), math.log(60), generator)))
        colour = torch.rand(3, 1, 1, generator=generator)
        picture = picture * (1 - mask) + colour * mask
    return picture.clamp(0, 1)


def fresh(photos: Sequence[Tensor], size: int, generator: torch.Generator, photo_share: float = 0.8) -> Tensor:
    """A picture of any kind: mostly photos, else noise or shapes."""
    draw = uniform(0, 1, generator)
    if draw < photo_share:
        return recolour(photo_crop(photos[pick(len(photos), generator)], size, generator), generator)
    return noise(size, generator) if draw < (1 + photo_share) / 2 else shapes(size, generator)
