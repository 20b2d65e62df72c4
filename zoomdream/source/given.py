"""Pictures as Python programs hold them: a path, a PIL picture, an array or a tensor; to a tensor and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from zoomdream.errors import ConfigError
from zoomdream.source.picture import read_image

Given = Path | str | Image.Image | np.ndarray[Any, np.dtype[Any]] | Tensor

_ALLOWED = "dream takes a picture: a path, a PIL picture, an array (H, W, 3) or a tensor (3, H, W)"
_LARGEST = {torch.uint8: 255, torch.uint16: 65535}


def as_tensor(given: Given) -> Tensor:
    """(1, 3, H, W) float32, nominally in [0, 1]: files and PIL pictures over black, turned by their EXIF.

    An array is (H, W), (H, W, 3) or (3, H, W), a tensor (3, H, W) or (1, 3, H, W), of floats in [0, 1] or of unsigned 8
    or 16 bit numbers. Raises ConfigError for what is none of these, and InputError as `read_image`.
    """
    match given:
        case Path() | str():
            return read_image(Path(given))
        case Image.Image():
            return as_tensor(np.asarray(_opaque(ImageOps.exif_transpose(given))))
        case np.ndarray():
            layers = np.stack([given] * 3, -1) if given.ndim == 2 else given
            layers = layers.transpose(2, 0, 1) if layers.ndim == 3 and layers.shape[-1] == 3 else layers
            native = np.array(layers, layers.dtype.newbyteorder("="), order="C")
            try:
                return as_tensor(torch.from_numpy(native))
            except TypeError:  # numbers that PyTorch does not have
                raise ConfigError(f"{_ALLOWED}, of floats from 0 to 1 or bytes, not of {given.dtype}") from None
        case Tensor():
            batch = given.detach()[None] if given.ndim == 3 else given.detach()
            if batch.ndim != 4 or batch.shape[:2] != (1, 3):
                raise ConfigError(f"{_ALLOWED}, not one of shape {tuple(given.shape)}")
            if not batch.is_floating_point() and batch.dtype not in _LARGEST:
                raise ConfigError(f"{_ALLOWED}, of floats from 0 to 1 or bytes, not of {batch.dtype}")
            return batch.float() / _LARGEST.get(batch.dtype, 1)
    raise ConfigError(f"{_ALLOWED}, not a {type(given).__name__}")


def like(given: Given, picture: Tensor) -> Any:
    """(1, 3, H, W) in [0, 1] on the CPU as what was given: tensors keep their shape, arrays their kind of numbers, and
    all else becomes a PIL picture.
    """
    if isinstance(given, Tensor):
        return picture.reshape(given.shape)
    if not isinstance(given, np.ndarray):
        return as_pil(picture)
    array = picture[0].numpy() if given.ndim == 3 and given.shape[-1] != 3 else picture[0].permute(1, 2, 0).numpy()
    return array.astype(given.dtype) if given.dtype.kind == "f" else _whole(array, given.dtype)


def as_pil(given: Given) -> Image.Image:
    """What `as_tensor` takes as a PIL picture, 8 bits per channel."""
    if isinstance(given, Image.Image):
        return given
    return Image.fromarray(_whole(as_tensor(given)[0].clamp(0, 1).permute(1, 2, 0).cpu().numpy(), np.dtype(np.uint8)))


def _whole(array: Any, kind: np.dtype[Any]) -> Any:
    return (array * np.iinfo(kind).max).round().astype(kind)


def _opaque(picture: Image.Image) -> Image.Image:
    """RGB over black; grey of 16 bits or floats as it is."""
    if picture.mode.startswith("I;16"):
        return picture
    color = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "black"), color).convert("RGB")
