"""The paintings that the scenes of the synthetic clip are made of.

One measure for all: 1 is the height of the view, x goes right and y down from the middle of the painting.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from synthetic.landscape import cloud_noise

DENSITY = 540  # pixels of a painting to the height of the view
REACH = (1.5, 0.75)  # half the width and height of a painting that fills the view, with room for the camera

Field = NDArray[np.float64]
Painting = NDArray[np.uint8]
"""(h, w, 4) RGB and opacity."""
Color = tuple[float, float, float]


def _mesh(reach: tuple[float, float]) -> tuple[Field, Field]:
    """(x, y) of every pixel of a painting that reaches so far from its middle."""
    width, height = (round(2 * edge * DENSITY) for edge in reach)
    x = (np.arange(width) + 0.5) / DENSITY - reach[0]
    y = (np.arange(height) + 0.5) / DENSITY - reach[1]
    return np.broadcast_to(x, (height, width)), np.broadcast_to(y[:, None], (height, width))


def _mix(under: Field | Color, over: Field | Color, share: Field) -> Field:
    return np.asarray(under) + (np.asarray(over) - np.asarray(under)) * share[..., None]


def _step(value: Field, width: float) -> Field:
    """0 below zero, 1 above `width`, a ramp between."""
    return np.clip(value / width, 0, 1)


def _painting(color: Field, opacity: Field | float = 1.0) -> Painting:
    height, width = color.shape[:2]
    joined = np.dstack((np.clip(color, 0, 1), np.broadcast_to(opacity, (height, width))))
    return np.round(255 * joined).astype(np.uint8)


def _lit(relief: Field, strength: float) -> Field:
    """Light from the upper left on a relief, about 1."""
    slope = np.roll(relief, (3, 3), (0, 1)) - relief
    return 1 - strength * slope / (slope.std() + 1e-9)


def _outline(random: np.random.Generator, width: int, slope: float) -> Field:
    return cloud_noise(random, 1, width, slope)[0] - 0.5


def sky(random: np.random.Generator, top: Color, bottom: Color, cover: float, streaks: float) -> Painting:
    _, y = _mesh(REACH)
    height, width = y.shape
    color = _mix(top, bottom, _step(y + 0.6, 0.75) ** 1.3)
    billows = cloud_noise(random, height, width, 1.6, flatness=streaks)
    veil = cloud_noise(random.spawn(1)[0], height, width, 1.1, flatness=2 * streaks)  # so that flow sees it move
    color = color * (0.86 + 0.28 * veil)[..., None]
    thick = _step(billows - cover, 0.4)
    white = np.array((1.0, 0.97, 0.94)) * (0.80 + 0.12 * _lit(billows, 0.55))[..., None]
    white = _mix(white, np.asarray(bottom) * 1.02, np.full_like(y, 0.35))
    return _painting(_mix(color, white, 0.92 * thick))


def mountains(random: np.random.Generator) -> Painting:
    x, y = _mesh(REACH)
    height, width = y.shape
    edge = -0.12 - 0.30 * _outline(random, width, 1.3)[None] - 0.10 * np.exp(-(((x - 0.25) / 0.22) ** 2))
    crumpled = 1 - np.abs(2 * cloud_noise(random, height, width, 1.4, flatness=0.6) - 1)
    rock = np.array((0.40, 0.41, 0.50)) * _lit(crumpled, 0.23)[..., None]
    snow = np.array((0.95, 0.96, 1.0)) * (0.12 + 0.88 * np.clip(_lit(crumpled, 0.13), 0, 1.12))[..., None]
    line = 0.10 + 0.16 * (cloud_noise(random, height, width, 1.1) - 0.5)
    color = _mix(rock, snow, _step(line - (y - edge), 0.03))
    color = _mix(color, (0.62, 0.70, 0.80), 0.75 * _step(y + 0.10, 0.3))  # mist in the valley
    return _painting(color, _step(y - edge, 1.5 / DENSITY))


def woods(random: np.random.Generator) -> Painting:
    """Hills with rows of firs, drawn from the farthest row to the nearest."""
    _, y = _mesh(REACH)
    height, width = y.shape
    picture = Image.new("RGBA", (width, height))
    draw = ImageDraw.Draw(picture)
    outline = _outline(random, width, 1.5)
    for row in range(11):
        near = row / 10
        base = (0.02 + 0.16 * near - (0.17 - 0.12 * near) * outline + REACH[1]) * DENSITY
        tall = 18 + 22 * near
        shade = np.array((104 - 58 * near, 140 - 62 * near, 128 - 84 * near))
        for x in np.arange(-10, width + 10, tall * 0.27) + random.uniform(-4, 4):
            foot = base[int(np.clip(x, 0, width - 1))] + random.uniform(0, 5)
            tip = foot - tall * random.uniform(0.7, 1.25)
            tone = shade * random.uniform(0.74, 1.3) + random.uniform(-8, 8, 3)
            left = tuple(int(np.clip(value, 0, 255)) for value in tone * 1.16)
            right = tuple(int(np.clip(value, 0, 255)) for value in tone * 0.72)
            half = tall * 0.24
            ground = foot + tall
            draw.polygon([(x, tip), (x - half, foot), (x - half, ground), (x, ground)], fill=(*left, 255))
            draw.polygon([(x, tip), (x + half, foot), (x + half, ground), (x, ground)], fill=(*right, 255))
    return np.asarray(picture)


def meadow(random: np.random.Generator) -> Painting:
    """The lake, its shore, and grass with flowers in front."""
    x, y = _mesh(REACH)
    height, width = y.shape
    water_line = 0.135 + 0 * x
    shore = 0.235 + 0.05 * np.sin(2.3 * x + 0.6) + 0.03 * _outline(random, width, 1.4)[None]
    ripples = cloud_noise(random, height, width, 0.9, flatness=5.0)
    broad = cloud_noise(random, height, width, 1.5, flatness=3.0)
    depth = _step(y - water_line, 0.16)
    water = (
        _mix((0.20, 0.34, 0.36), (0.44, 0.60, 0.74), 0.25 + 0.5 * depth)
        * (0.58 + 0.5 * ripples + 0.3 * broad)[..., None]
    )
    blades = cloud_noise(random, height, width, 0.75, flatness=0.4)
    patches = cloud_noise(random, height, width, 1.5)
    grass = _mix((0.20, 0.33, 0.10), (0.62, 0.62, 0.22), patches) * (0.45 + 0.95 * blades)[..., None]
    sand = np.array((0.74, 0.66, 0.48)) * (0.7 + 0.5 * blades)[..., None]
    color = _mix(water, sand, _step(y - shore, 2 / DENSITY))
    color = _mix(color, grass, _step(y - shore - 0.018 - 0.02 * patches, 3 / DENSITY))
    picture = Image.fromarray(_painting(color, _step(y - water_line, 1.5 / DENSITY)))
    draw = ImageDraw.Draw(picture)
    for _ in range(1500):
        column, down = random.uniform(0, width), random.uniform(0, 1) ** 0.8
        top = shore[0, int(column)] + 0.05
        row = (top + (REACH[1] - top) * down + REACH[1]) * DENSITY
        size = 1.2 + 4.2 * down * random.uniform(0.5, 1.2)
        tone = ((244, 240, 226), (236, 196, 62), (206, 84, 96), (150, 112, 196))[random.integers(4)]
        draw.ellipse((column - size, row - 0.7 * size, column + size, row + 0.7 * size), fill=(*tone, 255))
        draw.ellipse((column - size / 3, row - size / 4, column + size / 3, row + size / 4), fill=(120, 90, 30, 255))
    return np.asarray(picture)


def balloon(random: np.random.Generator, colors: tuple[Color, Color, Color], size: float) -> Painting:
    """A hot-air balloon of that height: a striped envelope that bulges, ropes, a basket."""
    x, y = (value / size for value in _mesh((0.45 * size, 0.6 * size)))
    height, width = y.shape
    up = np.clip((0.28 - y) / 0.78, 0, 1)  # 0 at the mouth, 1 at the crown
    half = 0.40 * np.sqrt(np.clip(1 - (2 * np.clip(up, 0.42, 1) - 0.84) ** 2 / 1.3456, 0, 1))
    half = np.where(up < 0.42, 0.06 + 0.34 * np.sin(np.clip(up / 0.42, 0, 1) * np.pi / 2) ** 1.15, half)
    turn = np.arcsin(np.clip(x / np.maximum(half, 1e-3), -1, 1))
    band = np.floor((turn / np.pi + 0.5) * 9).astype(int) % 3
    zigzag = np.abs(((turn / np.pi + 0.5) * 9) % 1 - 0.5) * 0.10
    band = np.where(np.abs(y + 0.12 + zigzag - 0.05) < 0.045, 2 - band, band)
    cloth = cloud_noise(random, height, width, 0.9)
    color = np.asarray(colors)[band] * (0.66 + 0.42 * np.cos(turn - 0.5) * (0.75 + 0.5 * cloth))[..., None]
    inside = _step(half - np.abs(x), 2 / (size * DENSITY)) * ((y > -0.5) & (y < 0.28))
    ropes = (np.abs(np.abs(x) - (0.05 - 0.25 * (y - 0.28) / 1.6)) < 0.008) & (y >= 0.28) & (y < 0.40)
    basket = (np.abs(x) < 0.06 - 0.1 * (y - 0.40)) & (y >= 0.40) & (y < 0.50)
    weave = 0.5 + 0.3 * (np.sin(170 * x) * np.sin(170 * y)) + 0.3 * cloth
    color = np.where(basket[..., None], np.array((0.62, 0.42, 0.22)) * (0.5 + weave)[..., None], color)
    color = np.where(ropes[..., None], (0.3, 0.24, 0.2), color)
    return _painting(color, np.maximum(inside, ropes | basket))


def islands(random: np.random.Generator) -> Painting:
    x, y = _mesh(REACH)
    height, width = y.shape
    bumps = 0.20 * np.exp(-(((x + 0.55) / 0.24) ** 2)) + 0.13 * np.exp(-(((x - 0.35) / 0.30) ** 2))
    bumps = bumps + 0.17 * np.exp(-(((x - 1.05) / 0.16) ** 2))
    edge = 0.075 - bumps * (1 + 0.5 * _outline(random, width, 1.0)[None])
    crumpled = 1 - np.abs(2 * cloud_noise(random, height, width, 1.15) - 1)
    rock = _mix((0.30, 0.22, 0.32), (0.62, 0.42, 0.36), crumpled) * _lit(crumpled, 0.22)[..., None]
    green = np.array((0.26, 0.32, 0.24)) * (0.6 + 0.8 * cloud_noise(random, height, width, 0.7))[..., None]
    color = _mix(rock, green, _step(cloud_noise(random, height, width, 1.3) - 0.5, 0.12))
    color = _mix(color, (0.80, 0.52, 0.42), np.full_like(y, 0.22))  # haze
    return _painting(color, _step(y - edge, 1.5 / DENSITY))


def sea(random: np.random.Generator) -> Painting:
    """Waves that get coarser towards us; the sun's path on them."""
    x, y = _mesh(REACH)
    height, width = y.shape
    depth = _step(y - 0.05, 0.55)
    fine = cloud_noise(random, height, width, 0.8, flatness=7.0)
    coarse = cloud_noise(random, height, width, 1.1, flatness=3.5)
    waves = fine + (coarse - fine) * np.sqrt(depth)
    color = _mix((0.62, 0.42, 0.42), (0.07, 0.18, 0.28), np.sqrt(depth)) * (0.5 + 0.95 * waves)[..., None]
    path = np.exp(-(((x + 0.1) / (0.10 + 0.35 * depth)) ** 2)) * _step(waves - 0.52, 0.25)
    foam = _step(coarse - 0.80, 0.1) * depth
    color = _mix(_mix(color, (1.0, 0.80, 0.52), 0.8 * path), (0.86, 0.88, 0.90), 0.6 * foam)
    return _painting(color, _step(y - 0.05, 1.5 / DENSITY))


def boat(random: np.random.Generator) -> Painting:
    x, y = (value / 0.42 for value in _mesh((0.26, 0.26)))
    height, width = y.shape
    cloth, wood = cloud_noise(random, height, width, 1.0), cloud_noise(random, height, width, 0.8, flatness=5.0)
    main = (x > 0.02) & (x < 0.40 * (y + 0.56) / 0.76 - 0.02 * np.sin(5 * y)) & (y > -0.56) & (y < 0.20)
    jib = (x < -0.02) & (x > -0.34 * (y + 0.46) / 0.66 + 0.04) & (y > -0.46) & (y < 0.20)
    seams = 1 - 0.16 * (np.mod(y * 9 + 0.8 * x, 1) < 0.12)
    stripe = np.mod(np.floor((y + 0.6) * 6), 3) == 1
    sail = (
        _mix((0.94, 0.88, 0.76), (0.80, 0.30, 0.20), stripe.astype(float)) * (seams * (0.62 + 0.55 * cloth))[..., None]
    )
    hull = (y >= 0.23) & (y < 0.40) & (np.abs(x + 0.02) < 0.46 - 1.1 * np.clip(y - 0.23, 0, 1) ** 1.3)
    planks = 0.55 + 0.6 * wood - 0.2 * (np.mod(y * 26, 1) < 0.2)
    mast = (np.abs(x) < 0.014) & (y > -0.60) & (y < 0.24)
    color = np.where(hull[..., None], np.array((0.50, 0.27, 0.16)) * planks[..., None], sail)
    color = np.where((hull & (y < 0.262))[..., None], (0.93, 0.90, 0.80), color)
    color = np.where(mast[..., None], (0.34, 0.22, 0.14), color)
    return _painting(color, (main | jib | hull | mast).astype(float))


def cliff(random: np.random.Generator) -> Painting:
    """A wall of layered rock with grass on top, to the right of the view."""
    x, y = _mesh(REACH)
    height, width = y.shape
    edge = 0.42 + 0.42 * np.clip(0.25 - y, 0, 1) ** 1.4 + 0.14 * _outline(random, height, 1.1)[:, None]
    edge = edge - 0.35 * np.clip(y - 0.22, 0, 1)
    top = -0.20 - 0.18 * (x - 0.6) + 0.05 * _outline(random, width, 1.2)[None]
    strata = cloud_noise(random, height, width, 1.1, flatness=3.5)
    cracks = 1 - np.abs(2 * cloud_noise(random, height, width, 1.25, flatness=0.6) - 1)
    rock = _mix((0.26, 0.17, 0.15), (0.80, 0.55, 0.38), strata) * (_lit(cracks, 0.26) * 0.95)[..., None]
    blades = cloud_noise(random, height, width, 0.7, flatness=0.4)
    grass = np.array((0.40, 0.44, 0.16)) * (0.4 + 1.0 * blades)[..., None]
    color = _mix(grass, rock, _step(y - top - 0.05 * blades - 0.02, 0.02))
    return _painting(color, _step(x - edge, 2 / DENSITY) * _step(y - top, 2 / DENSITY))
