"""The Fourier parameterisation: gradient ascent in frequencies and decorrelated colours instead of pixels.

Neighbouring pixels are correlated, so a step in pixels is mostly noise. The frequencies of a photograph are nearly
independent; divided by their natural amplitude, 1/f, a step of the same size in each leads towards another photograph
(Olah et al. 2017). With amplitudes fixed and only the phases free (MACO, Fel et al. 2023) a picture keeps the contrasts
of a photograph.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from zoomdream.dream.ascent import AnyObjective, View
from zoomdream.dream.gradient import unchanged
from zoomdream.dream.regularizers import COLORS

_MEMORY = (0.9, 0.999)  # of Adam, for the gradient and for its square
_MOST_TURNED = 0.5  # radians per step; the gradient is a local one


@dataclass(frozen=True, slots=True)
class FourierBasis:
    """Between pictures and their coefficients: `amplitude` (H, W/2+1) of each frequency, `colors` (3, 3), and their
    `inverse`.
    """

    amplitude: Tensor
    colors: Tensor
    inverse: Tensor

    def coefficients(self, picture: Tensor) -> Tensor:
        """(1, 3, H, W) to (3, H, W/2+1), complex; those of photographs are all about equally large."""
        spectrum = torch.fft.rfft2(picture[0].float(), norm="ortho") / self.amplitude
        return torch.einsum("ca,ahw->chw", self.inverse.to(spectrum.dtype), spectrum)

    def picture(self, coefficients: Tensor, width: int) -> Tensor:
        """The reverse, (1, 3, H, `width`)."""
        spectrum = torch.einsum("ac,chw->ahw", self.colors.to(coefficients.dtype), coefficients * self.amplitude)
        picture: Tensor = torch.fft.irfft2(spectrum, s=(coefficients.shape[1], width), norm="ortho")
        return picture[None]

    def gradient(self, gradient: Tensor) -> Tensor:
        """The gradient in the coefficients from that in the picture, (1, 3, H, W): the transpose of `picture`."""
        spectrum = torch.fft.rfft2(gradient[0].float(), norm="ortho") * self.amplitude
        return torch.einsum("ac,ahw->chw", self.colors.to(spectrum.dtype), spectrum)


@lru_cache(maxsize=16)
def fourier_basis(height: int, width: int, device: torch.device) -> FourierBasis:
    """The basis for pictures of that size; the mean square of the amplitudes and the largest colour's length are 1."""
    rows, columns = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None, :]
    amplitude = 1 / torch.sqrt(rows**2 + columns**2).clamp_min(1 / max(height, width))
    colors = torch.tensor(COLORS)
    amplitude = amplitude / amplitude.square().mean().sqrt()
    colors = colors / colors.norm(dim=0).max()
    return FourierBasis(amplitude.to(device), colors.to(device), torch.linalg.inv(colors).to(device))


def ascend_frequencies(
    image: Tensor,
    objective: AnyObjective,
    *,
    steps: int,
    step_size: float,
    views: Callable[[int], View],
    phases_only: bool = False,
    regularized: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """`steps` steps of gradient ascent in the frequencies of `image` (1, 3, H, W); returns a new one, not clamped.

    As `ascend`, each step changing the picture by `step_size` on average, but by Adam (Kingma and Ba 2014) instead
    of normalised gradients: over this many steps every frequency moves alike. phases_only: amplitudes stay fixed. The
    picture is periodic here: its opposite edges are neighbours.
    """
    basis = fourier_basis(image.shape[-2], image.shape[-1], image.device)
    width = image.shape[-1]
    adam = _Adam()
    for step in range(steps):
        gradient = basis.gradient(views(step).gradient(image, objective, unchanged))
        coefficients = basis.coefficients(image)
        if phases_only:
            angles = adam(_turnable(gradient * (1j * coefficients).conj()).real)
            moved = _share(basis.picture(1j * coefficients * angles, width), step_size)
            coefficients = coefficients * torch.exp(1j * (moved * angles).clamp(-_MOST_TURNED, _MOST_TURNED))
        else:
            change = adam(gradient)
            coefficients = coefficients + _share(basis.picture(change, width), step_size) * change
        image = basis.picture(coefficients, width)
        if regularized is not None:
            image = regularized(image)
    return image


class _Adam:
    """Adam for real or complex gradients, with steps of one size however large the gradient usually is."""

    def __init__(self) -> None:
        self._steps = 0
        self._mean: Tensor | None = None
        self._square: Tensor | None = None

    def __call__(self, gradient: Tensor) -> Tensor:
        self._steps += 1
        square = gradient.abs().square()
        if self._mean is None or self._square is None:
            self._mean, self._square = (1 - _MEMORY[0]) * gradient, (1 - _MEMORY[1]) * square
        else:
            self._mean = torch.lerp(gradient, self._mean, _MEMORY[0])
            self._square = torch.lerp(square, self._square, _MEMORY[1])
        deviation = (self._square / (1 - _MEMORY[1] ** self._steps)).sqrt()
        # Not quite each by its own deviation: a frequency that the objective does not care about holds rounding errors.
        return self._mean / (deviation + 0.01 * deviation.mean()).clamp_min(1e-30)


def _share(change: Tensor, wanted: float) -> Tensor:
    """How much of a change of the picture has the mean magnitude `wanted`."""
    return wanted / change.abs().mean().clamp_min(1e-12)


def _turnable(coefficients: Tensor) -> Tensor:
    """The coefficients (3, H, W/2+1) without those that are their own mirror image, which have no phase."""
    found = coefficients.clone()
    for row in {0, coefficients.shape[1] // 2}:
        found[:, row, 0] = found[:, row, -1] = 0
    return found
