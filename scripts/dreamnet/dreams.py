"""Dreams to learn from: a pool of pictures that climb a little each time they are drawn, as an endless zoom does.

The student has to be right where dreaming leads, not only on photos: it is shown dreams of its own and of the teacher.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from dreamnet.pictures import fresh, pick, uniform
from torch import Tensor
from torch.nn import functional

from zoomdream.networks.dreamnet import NAMES

_CLIMBED = (*NAMES, "mixed3b", "mixed4c", "mixed4c", "mixed4d", "mixed4d", "mixed4d")  # those people dream with more

Look = Callable[[Tensor, frozenset[str]], Mapping[str, Tensor]]


def laplacian_normalize(gradient: Tensor, bands: int = 5) -> Tensor:
    """Each band of the Laplacian pyramid over its RMS, picture by picture, summed up; then as a whole over its RMS."""
    remaining, result = gradient, torch.zeros_like(gradient)
    for band in range(bands):
        height, width = remaining.shape[-2:]
        last = band == bands - 1 or min(height, width) < 8
        if last:
            detail = remaining
        else:
            lower = functional.avg_pool2d(remaining, 2, ceil_mode=True, count_include_pad=False)
            detail = remaining - functional.interpolate(lower, (height, width), mode="bilinear", align_corners=False)
            remaining = lower
        detail = detail / detail.square().mean(dim=(1, 2, 3), keepdim=True).sqrt().clamp(min=1e-12)
        result += functional.interpolate(detail, gradient.shape[-2:], mode="bilinear", align_corners=False)
        if last:
            break
    return result / result.square().mean(dim=(1, 2, 3), keepdim=True).sqrt().clamp(min=1e-12)


def gradient_of_energy(
    look: Look, picture: Tensor, layer: str, channels: Sequence[int] | None = None, differentiable: bool = False
) -> Tensor:
    """Gradient of half the mean square of the layer's activations, per picture; all channels or the ones given.

    differentiable: the weights can learn from it.
    """
    picture = picture.detach().requires_grad_(True)
    activation = look(picture, frozenset({layer}))[layer].float()
    chosen = activation if channels is None else activation[:, list(channels)]
    energy = 0.5 * chosen.square().mean(dim=(1, 2, 3)).sum()
    (gradient,) = torch.autograd.grad(energy, picture, create_graph=differentiable)
    return gradient


def zoomed(picture: Tensor, zoom: float, radians: float, shift: tuple[float, float] = (0.0, 0.0)) -> Tensor:
    """The picture seen closer by `zoom`, turned, with mirrored borders; bicubic. shift is in half pictures."""
    height, width = picture.shape[-2:]
    aspect = width / height
    cosine, sine = math.cos(radians) / zoom, math.sin(radians) / zoom
    matrix = torch.tensor(
        [[cosine, -sine / aspect, shift[0]], [sine * aspect, cosine, shift[1]]], device=picture.device
    )
    grid = functional.affine_grid(matrix.expand(len(picture), 2, 3), list(picture.shape), align_corners=False)
    return functional.grid_sample(picture, grid, mode="bicubic", padding_mode="reflection", align_corners=False)


def hold_contrast(picture: Tensor, share: float, mean: float = 0.46, deviation: float = 0.2) -> Tensor:
    """`share` of the way to a mean and a standard deviation that every channel of every picture is to have."""
    old_mean = picture.mean(dim=(2, 3), keepdim=True)
    old_deviation = picture.std(dim=(2, 3), keepdim=True).clamp(min=1e-3)
    return picture + share * ((picture - old_mean) / old_deviation * deviation + mean - picture)


class DreamPool:
    """`count` pictures of one size. `draw` lends some; `climb` puts them back after a step of dream and camera."""

    def __init__(self, photos: Sequence[Tensor], size: int, count: int, generator: torch.Generator) -> None:
        self._photos, self._size, self._generator = photos, size, generator
        self.pictures = torch.stack([self._start() for _ in range(count)])

    def _start(self) -> Tensor:
        return fresh(self._photos, self._size, self._generator, photo_share=0.55)

    def draw(self, count: int) -> tuple[Tensor, Tensor]:
        """Places in the pool (count,) and the pictures there (count, 3, size, size)."""
        places = torch.randperm(len(self.pictures), generator=self._generator)[:count]
        return places, self.pictures[places]

    def climb(self, places: Tensor, picture: Tensor, student: Look, teacher: Look, mean_draws: float = 80) -> None:
        """One ascent for each half, by student and teacher; then some begin anew, after `mean_draws` on average."""
        generator = self._generator
        half = len(picture) // 2
        for look, part in ((student, slice(0, half)), (teacher, slice(half, None))):
            self.pictures[places[part]] = self._ascend(look, picture[part]).cpu()
        for place in places.tolist():
            if uniform(0, 1, generator) < 1 / mean_draws:
                self.pictures[place] = self._start()

    def _ascend(self, look: Look, picture: Tensor) -> Tensor:
        generator = self._generator
        layer = _CLIMBED[pick(len(_CLIMBED), generator)]
        if pick(2, generator):
            zoom, turn = math.exp(uniform(0.0, 0.05, generator)), uniform(-0.02, 0.02, generator)
            shift = (uniform(-0.03, 0.03, generator), uniform(-0.03, 0.03, generator))
            picture = zoomed(picture, zoom, turn, shift)
            picture = hold_contrast(picture, uniform(0.0, 0.2, generator), deviation=uniform(0.15, 0.25, generator))
        channels = None
        if pick(4, generator) == 0:
            channels = [pick(256, generator) for _ in range(1 + pick(6, generator))]
        roll = (pick(16, generator), pick(16, generator))
        moved = picture.roll(roll, dims=(2, 3))
        gradient = laplacian_normalize(gradient_of_energy(look, moved, layer, channels))
        picture = (moved + gradient * (uniform(0, 6, generator) / 255)).roll((-roll[0], -roll[1]), dims=(2, 3))
        if pick(4, generator) == 0:
            noise = torch.randn(picture.shape, generator=generator).to(picture.device)
            picture = picture + noise * (uniform(0, 8, generator) / 255)
        return picture.clamp(0, 1).detach()
