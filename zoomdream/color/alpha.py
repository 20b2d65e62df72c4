"""Transparent pictures: (1, 4, H, W), RGB multiplied with alpha, and alpha. So resampling mixes in no hidden colour.

Opaque pictures have three channels and go through all of this as they are, to the last bit.
"""

from __future__ import annotations

import torch
from torch import Tensor

_LEAST = 2.0**-17
"""Half a step of 16 bits: what is less opaque is not there."""

_SEEN = 0.25
"""What is so opaque is dreamed on as if it were all so."""


def is_transparent(picture: Tensor) -> bool:
    """Whether a picture has a channel for alpha."""
    return picture.shape[1] == 4


def over_black(picture: Tensor) -> Tensor:
    """RGB (1, 3, H, W) as it shows over black."""
    return picture[:, :3]


def over_mean(picture: Tensor) -> Tensor:
    """RGB (1, 3, H, W) for a network to see: over its own mean colour, so that edges are no contours, and that colour
    stays where more or less of it is in view. What is a quarter opaque is seen as if it were all so: else a dream sees
    too little of what it changes there, and goes on to the most glaring colours.
    """
    if not is_transparent(picture):
        return picture
    color, alpha = picture[:, :3], picture[:, 3:]
    mean = color.mean((2, 3), keepdim=True) / alpha.mean((2, 3), keepdim=True).clamp_min(_LEAST)
    gain = 1 / alpha.clamp(_SEEN, 1)
    return gain * color + (1 - gain * alpha) * mean


def straight(picture: Tensor) -> Tensor:
    """RGB (1, 3, H, W) as if opaque; black where nothing is."""
    if not is_transparent(picture):
        return picture
    color, alpha = picture[:, :3], picture[:, 3:]
    return torch.where(alpha > _LEAST, color / alpha.clamp_min(_LEAST), 0)


def unmultiplied(picture: Tensor) -> Tensor:
    """The picture as files hold it: (1, 4, H, W) RGB that is not multiplied, and alpha."""
    return torch.cat([straight(picture), picture[:, 3:]], 1) if is_transparent(picture) else picture


def multiplied(picture: Tensor) -> Tensor:
    """The reverse: RGB (1, C, H, W), perhaps with alpha, as it is computed with."""
    return torch.cat([picture[:, :3] * picture[:, 3:], picture[:, 3:]], 1) if is_transparent(picture) else picture


def where_opaque(picture: Tensor, added: Tensor) -> Tensor:
    """As much of `added` (1, 3, H, W) as the picture is opaque."""
    return picture[:, 3:] * added if is_transparent(picture) else added


def plus(picture: Tensor, added: Tensor) -> Tensor:
    """The picture with `added` (1, 3, H, W) on its colours; its alpha stays."""
    return torch.cat([picture[:, :3] + added, picture[:, 3:]], 1) if is_transparent(picture) else picture + added


def settled(picture: Tensor) -> Tensor:
    """The picture with alpha in [0, 1] and no colour beyond that, as resampling may leave them at edges."""
    if not is_transparent(picture):
        return picture
    alpha = picture[:, 3:].clamp(0, 1)
    return torch.cat([torch.minimum(picture[:, :3].clamp_min(0), alpha), alpha], 1)
