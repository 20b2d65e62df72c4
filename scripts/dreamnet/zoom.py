"""A short endless zoom with any network, the same for student and teacher, so that the two can be laid side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from dreamnet.dreams import Look, gradient_of_energy, hold_contrast, laplacian_normalize, zoomed
from PIL import Image
from torch import Tensor
from torch.nn import functional


def noise_start(height: int, width: int, seed: int) -> Tensor:
    """(1, 3, height, width): grey with coarse and fine coloured noise."""
    generator = torch.Generator().manual_seed(seed)
    picture = 0.46 + 0.05 * torch.randn(1, 3, height, width, generator=generator)
    for divisor, amount in ((4, 0.08), (16, 0.1)):
        coarse = torch.randn(1, 3, height // divisor, width // divisor, generator=generator)
        picture = picture + amount * functional.interpolate(
            coarse, (height, width), mode="bicubic", align_corners=False
        )
    return picture.clamp(0, 1)


def dream_frame(look: Look, picture: Tensor, layer: str, frame: int, steps: int = 3, octaves: int = 2) -> Tensor:
    """One frame: from the coarse octave (x1.5 apart) to the fine, `steps` of 1/255 each on a jittered picture."""
    generator = torch.Generator().manual_seed(frame)
    height, width = picture.shape[-2:]
    for octave in reversed(range(octaves)):
        scale = 1.5**-octave
        size = (round(height * scale), round(width * scale))
        small = functional.interpolate(picture, size, mode="bicubic", antialias=True, align_corners=False)
        moved = small
        for _ in range(steps):
            shift = tuple(int(value) for value in torch.randint(-16, 17, (2,), generator=generator))
            rolled = moved.roll(shift, dims=(2, 3))
            rolled = rolled + laplacian_normalize(gradient_of_energy(look, rolled, layer)) / 255
            moved = rolled.roll((-shift[0], -shift[1]), dims=(2, 3)).clamp(0, 1)
        change = functional.interpolate(moved - small, (height, width), mode="bicubic", align_corners=False)
        picture = (picture + change).clamp(0, 1)
    return picture.detach()


def zoom_dream(look: Look, start: Tensor, layer: str, frames: int) -> Iterator[Tensor]:
    """Frames 0, 1, ...: zoom 1.015 and a little turn, a tenth of the way to a level contrast, then the dream."""
    picture = start
    for frame in range(frames):
        if frame:
            picture = hold_contrast(zoomed(picture, 1.015, 0.002), 0.1).clamp(0, 1)
        picture = dream_frame(look, picture, layer, frame)
        yield picture


def save_sheet(rows: Sequence[Sequence[Tensor]], path: Path) -> None:
    """Pictures (1, 3, H, W) of one size as a table, a white line between them."""
    lines = [torch.cat([functional.pad(cell[0], (2, 2, 2, 2), value=1.0) for cell in row], dim=2) for row in rows]
    sheet = (torch.cat(lines, dim=1).clamp(0, 1) * 255).round().byte().permute(1, 2, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet.cpu().numpy()).save(path)
