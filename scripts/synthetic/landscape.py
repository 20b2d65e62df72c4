"""A landscape, drawn from a seed: a sky, three ridges and a lake. photo_zoom.yaml starts from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDTH, HEIGHT = 1280, 720
SHORE = 0.72  # of the height

Field = NDArray[np.float64]


def cloud_noise(random: np.random.Generator, height: int, width: int, slope: float, flatness: float = 1.0) -> Field:
    """Noise of amplitude 1 / frequency ** slope, 0 to 1; `flatness` above 1 draws it out sideways."""
    rows, columns = np.fft.fftfreq(height)[:, None] * height, np.fft.rfftfreq(width)[None] * width
    frequency = np.maximum(np.hypot(rows / flatness, columns), 1)
    noise = np.fft.irfft2(np.fft.rfft2(random.standard_normal((height, width))) / frequency**slope, s=(height, width))
    low, high = np.percentile(noise, (1, 99))
    return np.clip((noise - low) / (high - low), 0, 1)


def blend(under: Field, over: tuple[float, float, float] | Field, share: Field) -> Field:
    return under + (np.asarray(over) - under) * share[..., None]


def draw(seed: int = 4) -> Field:
    """(HEIGHT, WIDTH, 3) RGB in 0..1."""
    random = np.random.default_rng(seed)
    down = np.linspace(0, 1, HEIGHT)[:, None].repeat(WIDTH, axis=1)
    picture = np.empty((HEIGHT, WIDTH, 3))
    picture[:] = (0.24, 0.42, 0.70)
    picture = blend(picture, (0.98, 0.78, 0.56), np.clip(down / 0.55, 0, 1) ** 1.6)
    billows = cloud_noise(random, HEIGHT, WIDTH, 1.45, flatness=0.45)
    lit = np.clip(billows - np.roll(billows, (6, -6), (0, 1)) + 0.5, 0, 1)
    white = 0.62 + 0.38 * lit[..., None] * np.array((1.0, 0.94, 0.88))
    picture = blend(picture, white, np.clip((billows - 0.42) * 2.6, 0, 1) * np.clip(1.25 - down * 1.6, 0, 1))
    ridges = ((0.40, 0.16, (0.52, 0.52, 0.64)), (0.50, 0.13, (0.30, 0.38, 0.42)), (0.60, 0.10, (0.13, 0.24, 0.17)))
    for place, relief, color in ridges:
        outline = cloud_noise(random, 1, WIDTH, 1.25)[0]
        edge = place + relief * (0.5 - outline)[None]
        texture = 0.72 + 0.56 * cloud_noise(random, HEIGHT, WIDTH, 0.85, flatness=1.6)[..., None]
        picture = blend(picture, np.array(color) * texture, np.clip((down - edge) * HEIGHT / 1.5, 0, 1))
    shore = round(SHORE * HEIGHT)
    waves = cloud_noise(random, HEIGHT - shore, WIDTH, 1.0, flatness=0.12)
    depth = np.linspace(0, 1, HEIGHT - shore)[:, None]
    sway = np.round((waves - 0.5) * (4 + 22 * depth)).astype(int)
    rows = np.clip(shore - 1 - np.arange(HEIGHT - shore)[:, None] * 1.9 + sway, 0, shore - 1).astype(int)
    mirrored = picture[rows, np.clip(np.arange(WIDTH)[None] + sway, 0, WIDTH - 1)]
    water = mirrored * (0.62 + 0.34 * waves[..., None]) + np.array((0.0, 0.02, 0.04))
    picture[shore:] = water
    return np.clip(picture, 0, 1)


def write(path: Path) -> Path:
    Image.fromarray(np.round(draw() * 255).astype(np.uint8)).save(path, quality=88)
    return path
