"""How photographs measure by `looks.look`: 5th to 95th percentile of each number.

RANGES were measured on the 502 photographs of BSDS500 (short side 208 pixels), six of Kodak's and google/deepdream's
sky and flowers, each scaled to cover the size and cut to it, as zoomdream does with a picture. They depend on the size,
because shrinking turns coarse detail into fine. To measure them again, or for another size:

    python scripts/bench_endless.py --size 320x180 --photos ASSETS/training_photos/bsds_* ASSETS/photos/*
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path

import numpy as np
from bench.looks import NAMES, look

from zoomdream.color.pyramid import fill
from zoomdream.source.picture import read_image

Ranges = Mapping[str, tuple[float, float]]

RANGES: Mapping[tuple[int, int], Ranges] = {
    (320, 180): {
        "brightness": (0.2643, 0.6016),
        "contrast": (0.102, 0.28),
        "saturation": (0.0601, 0.2817),
        "band_2_4": (0.0107, 0.055),
        "band_4_8": (0.0229, 0.0745),
        "band_8_16": (0.0267, 0.082),
        "band_16_32": (0.0311, 0.0915),
    },
    (192, 108): {
        "brightness": (0.2645, 0.6018),
        "contrast": (0.1008, 0.2783),
        "saturation": (0.0601, 0.2819),
        "band_2_4": (0.0195, 0.066),
        "band_4_8": (0.0254, 0.0788),
        "band_8_16": (0.0299, 0.0883),
        "band_16_32": (0.0332, 0.1035),
    },
}


def measure_photos(paths: Sequence[Path], size: tuple[int, int]) -> Ranges:
    """5th and 95th percentile of each number over the pictures at `size` (width, height). InputError if unreadable."""
    width, height = size
    numbers = np.array([astuple(look(fill(read_image(path), (height, width)))) for path in paths])
    low, high = np.percentile(numbers, [5, 95], axis=0).round(4)
    return {name: (float(low[column]), float(high[column])) for column, name in enumerate(NAMES)}


def asset_photos() -> list[Path]:
    """The photographs under ZOOMDREAM_ASSETS, or none."""
    folder = os.environ.get("ZOOMDREAM_ASSETS")
    if not folder:
        return []
    return [*sorted(Path(folder, "training_photos").glob("bsds_*")), *sorted(Path(folder, "photos").iterdir())]


def ranges_for(size: tuple[int, int], photos: Sequence[Path]) -> Ranges | None:
    """Measured on `photos` where given; else as written down here; else on the assets; None where all is missing."""
    if photos:
        return measure_photos(photos, size)
    if size in RANGES:
        return RANGES[size]
    found = asset_photos()
    return measure_photos(found, size) if found else None
