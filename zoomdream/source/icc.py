"""ICC profiles for pictures of more than 8 bits, which Pillow cannot convert: matrices and curves, in floats.

Numbers as in ICC.1:2022: a tag table, XYZ numbers of 16.16 bits, curves as tables or formulas; light relative to D50.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
from PIL import ImageCms

Values = np.ndarray[tuple[int, ...], np.dtype[Any]]
Curve = Callable[[Values], Values]


def to_srgb(values: Values, profile: bytes) -> Values | None:
    """(H, W, 1 or 3) floats by the profile to the same shape in sRGB; None if it is damaged, or of a kind with tables.

    What lies outside of sRGB ends below 0 or above 1.
    """
    try:
        tags = _tags(profile)
        if values.shape[2] == 1:
            return encode_srgb(_curve(tags[b"kTRC"])(values)).astype(np.float32)
        matrix = np.linalg.inv(_colorants(_tags(_srgb()))) @ _colorants(tags)
        curves = [_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")]
    except (KeyError, ValueError, IndexError, TypeError, ArithmeticError, struct.error, np.linalg.LinAlgError):
        return None
    light = np.stack([curve(values[..., channel]) for channel, curve in enumerate(curves)], -1)
    return encode_srgb(light @ matrix.T).astype(np.float32)


def encode_srgb(light: Values) -> Values:
    """Linear light to sRGB (IEC 61966-2-1), also beyond 0 and 1."""
    size = np.abs(light)
    encoded = np.where(size <= 0.0031308, 12.92 * size, 1.055 * np.power(size, 1 / 2.4) - 0.055)
    return np.asarray(np.copysign(encoded, light))


@cache
def _srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _colorants(tags: Mapping[bytes, bytes]) -> Values:
    """Linear light of the three channels to XYZ."""
    return np.stack([np.frombuffer(tags[name], ">i4", 3, 8) / 65536 for name in (b"rXYZ", b"gXYZ", b"bXYZ")], 1)


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    entries = [struct.unpack_from(">4sII", profile, 132 + 12 * number) for number in range(min(count, 100))]
    return {name: profile[start : start + size] for name, start, size in entries}


def _curve(tag: bytes) -> Curve:
    """How a channel's numbers become light. ValueError for one that is unknown."""
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        table = np.frombuffer(tag, ">u2", count, 12).astype(np.float64)
        if count <= 1:
            power = float(table[0]) / 256 if count else 1.0
            return lambda values: np.power(np.maximum(values, 0), power)
        return lambda values: np.interp(values, np.linspace(0, 1, count), table / 65535)
    if tag[:4] != b"para":
        raise ValueError("another kind of curve")
    (kind,) = struct.unpack_from(">H", tag, 8)
    given = np.frombuffer(tag, ">i4", (1, 3, 4, 5, 7)[kind], 12) / 65536
    g, a, b, c, d, e, f = map(float, (*given, *(1, 0, 0, 0, 0, 0)[len(given) - 1 :]))
    if kind in (1, 2):  # these begin where the power does; what `c` is, is added
        c, d, e, f = 0.0, -b / a, (c if kind == 2 else 0.0), (c if kind == 2 else 0.0)
    return lambda values: np.where(values >= d, np.power(np.maximum(a * values + b, 0), g) + e, c * values + f)
