"""Regularisers of gradient ascent from noise: random transforms, blur, total variation, L2 decay, natural colours.

Noise raises a classifier's logit as well as a banana does. Each of these takes more from noise than from objects.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain

import torch
import torch.nn.functional as F
from torch import Tensor

from zoomdream.machine.devices import constant, to_device

# RGB of independent colours of natural pictures, by columns, each as long as it is common: grey, red to blue, green to
# magenta (Olah et al. 2017).
COLORS = ((0.26, 0.09, 0.02), (0.27, 0.0, -0.05), (0.27, -0.09, 0.03))
_EDGE = 0.02  # differences below this count as none, so that a step of total variation does not overshoot


def transform(picture: Tensor, degrees: float, scale: float) -> Tensor:
    """The picture (1, C, H, W) turned counter-clockwise about its middle and enlarged, mirrored at its borders.

    What raises the objective under such transforms is no pattern of single pixels (transformation robustness, Olah et
    al. 2017). Bilinear, the same size, differentiable.
    """
    if degrees == 0 and scale == 1:
        return picture
    height, width = picture.shape[-2:]
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle) / scale, math.sin(angle) / scale
    matrix = torch.tensor([[[cosine, -sine * height / width, 0.0], [sine * width / height, cosine, 0.0]]])
    grid = F.affine_grid(to_device(matrix, picture.device).to(picture), list(picture.shape), align_corners=False)
    return F.grid_sample(picture, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def natural_hues(gradient: Tensor) -> Tensor:
    """A gradient (1, 3, H, W) whose steps leave the colours as common as they are in photographs, grey the most.

    Left to itself each part of a thing gets a hue of its own, and dumbbells are pink and green. This is the root of the
    colours' covariance; the covariance, which steps in independent colours have, takes the yellow from bananas.
    """
    root = constant(tuple(chain(*_root())), gradient.dtype, gradient.device).view(3, 3)
    return torch.einsum("ab,nbhw->nahw", root, gradient)


@cache
def _root() -> list[list[float]]:
    colors = torch.tensor(COLORS, dtype=torch.float64)
    variances, directions = torch.linalg.eigh(colors @ colors.T)
    root: list[list[float]] = (directions * variances.sqrt() @ directions.T).tolist()
    return root


def random_transform(turn: float, stretch: float, random: torch.Generator) -> tuple[float, float]:
    """Degrees, uniform in [-turn, turn], and scale, uniform in [1 - stretch, 1 + stretch], for `transform`."""
    first, second = (2 * torch.rand(2, generator=random, dtype=torch.float64) - 1).tolist()
    return turn * first, 1 + stretch * second


def gaussian_blur(picture: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur of (1, C, H, W), sigma in pixels, edges repeated (the prior of Øygard 2015)."""
    if sigma == 0:
        return picture
    reach = max(1, math.ceil(3 * sigma))
    distance = torch.arange(-reach, reach + 1, dtype=picture.dtype, device=picture.device)
    kernel = torch.exp(-0.5 * (distance / sigma).square())
    kernel = kernel / kernel.sum()
    channels = picture.shape[1]
    for shape, padding in (((1, 1, 1, -1), (reach, reach, 0, 0)), ((1, 1, -1, 1), (0, 0, reach, reach))):
        weight = kernel.view(shape).expand(channels, -1, -1, -1)
        picture = F.conv2d(F.pad(picture, padding, mode="replicate"), weight, groups=channels)
    return picture


def total_variation_gradient(picture: Tensor) -> Tensor:
    """The gradient of the total variation of a picture (1, C, H, W); descending it leaves flat areas with edges.

    The channels share their edges, so colour that follows no edge of the luma is smoothed first. Between -4 and 4.
    """
    right = F.pad(picture.diff(dim=3), (0, 1))
    down = F.pad(picture.diff(dim=2), (0, 0, 0, 1))
    length = (right.square() + down.square()).sum(dim=1, keepdim=True).add(_EDGE**2).sqrt()
    right, down = right / length, down / length
    return F.pad(right, (1, 0))[..., :-1] - right + F.pad(down, (0, 0, 1, 0))[..., :-1, :] - down


def l2_decay(picture: Tensor, share: float) -> Tensor:
    """`share` of the way to middle grey (the L2 prior of Simonyan et al. 2013)."""
    return picture if share == 0 else picture + share * (0.5 - picture)


@dataclass(frozen=True, slots=True)
class Regularizers:
    """What follows each step. blur: deviation in pixels; smooth: share of a step that goes against total variation;
    decay: share of the way to grey.
    """

    blur: float
    smooth: float
    decay: float

    def of(self, step_size: float) -> Callable[[Tensor], Tensor] | None:
        """For steps of that mean change per pixel; None where nothing follows them."""
        if self.blur == 0 and self.smooth == 0 and self.decay == 0:
            return None
        return partial(self.apply, step_size=step_size)

    def apply(self, picture: Tensor, step_size: float) -> Tensor:
        """A new picture (1, 3, H, W)."""
        if self.smooth:
            picture = picture - self.smooth * step_size * total_variation_gradient(picture)
        return l2_decay(gaussian_blur(picture, self.blur), self.decay)
