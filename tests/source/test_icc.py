"""ICC profiles in floats: LittleCMS, which only knows 8 bits, says the same at every colour that it can tell apart."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from zoomdream.source.icc import to_srgb

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def profile(tags: dict[bytes, bytes], space: bytes = b"RGB ") -> bytes:
    """A display profile of these tags."""
    place, table, body = 132 + 12 * len(tags), b"", b""
    for name, tag in tags.items():
        table += struct.pack(">4sII", name, place + len(body), len(tag))
        body += tag.ljust(-(-len(tag) // 4) * 4, b"\0")
    head = struct.pack(">I", place + len(body)) + SRGB[4:16] + space + SRGB[20:128]
    return head + struct.pack(">I", len(tags)) + table + body


def wide(curve: bytes) -> bytes:
    """Adobe RGB's primaries with a curve of one's own."""
    red, green, blue = (0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)
    xyz = {b"rXYZ": red, b"gXYZ": green, b"bXYZ": blue}
    columns = {name: b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(x * 65536) for x in at)) for name, at in xyz.items()}
    white = {b"wtpt": b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)}
    return profile({**columns, **white, **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)})


def para(kind: int, *numbers: float) -> bytes:
    values = [round(number * 65536) for number in numbers]
    return b"para" + struct.pack(f">IHH{len(values)}i", 0, kind, 0, *values)


CURVES = {
    "a power": b"curv" + struct.pack(">IIH", 0, 1, round(2.2 * 256)),
    "straight": b"curv" + struct.pack(">II", 0, 0),
    "a table": b"curv" + struct.pack(">II", 0, 256) + (np.linspace(0, 1, 256) ** 1.8 * 65535).astype(">u2").tobytes(),
    "formula 0": para(0, 2.4),
    "formula 1": para(1, 2.4, 0.95, 0.05),
    "formula 2": para(2, 2.2, 0.9, 0.05, 0.05),
    "formula 3": para(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045),
    "formula 4": para(4, 2.4, 0.9, 0.05, 0.07, 0.04, 0.02, 0.01),
}


@pytest.mark.parametrize("curve", CURVES)
def test_a_profile_says_the_same_as_littlecms_at_eight_bits(curve: str) -> None:
    made = wide(CURVES[curve])
    pixels = np.random.default_rng(1).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    source, target = ImageCms.getOpenProfile(io.BytesIO(made)), ImageCms.createProfile("sRGB")
    expected = np.asarray(ImageCms.profileToProfile(Image.fromarray(pixels), source, target, 1)) / 255
    found = to_srgb(pixels / 255, made)
    assert found is not None
    inside = (found > 0.02).all(-1) & (found < 0.98).all(-1)  # beyond, each clips in its own way
    assert inside.sum() > 300
    assert np.abs(found - expected)[inside].max() < 2.5 / 255


def test_srgb_stays_to_a_part_in_a_hundred_thousand() -> None:
    values = np.random.default_rng(2).random((16, 16, 3))
    found = to_srgb(values, SRGB)
    assert found is not None
    assert np.abs(found - values).max() < 1e-5


@pytest.mark.parametrize("size", [0, 40, 131, 140, 200])
def test_a_damaged_profile_is_none(size: int) -> None:
    assert to_srgb(np.zeros((2, 2, 3)), SRGB[:size]) is None
    assert to_srgb(np.zeros((2, 2, 3)), wide(para(1, 2.4, 0.0, 0.05))) is None
    assert to_srgb(np.zeros((2, 2, 3)), wide(b"mAB \0\0\0\0")) is None
