"""A long zoom about a pivot that never moves, without fresh noise: does detail pile up along the axes through it?"""

from __future__ import annotations

import torch
from torch import Tensor

import zoomdream
from zoomdream.color.statistics import luma
from zoomdream.config import load_config

OBJECTIVES = (
    "{layer: mixed3b}",
    "{layer: mixed4a}",
    "{layer: mixed4c}",
    "{layer: mixed4e}",
    "{class: castle}",
    "{class: daisy}",
)
SIZE = 96
SETTINGS = (f"size=[{SIZE}, {SIZE}]", "fps=12", "dream.noise=0", "dream.steps=2", "dream.octaves=2", "camera.rotate=0")
NEAR, AROUND = 2, (6, 14)
"""Pixels from an axis that count as on it, and from which to which it is compared with."""


def measure(objective: str, frames: int) -> dict[str, float]:
    """Energy of the gradients on each axis and at the pivot over that beside them, in the last quarter of a zoom."""
    config = load_config({}, [f"objective=[{objective}]", f"frames={frames}", *SETTINGS])
    total = torch.zeros(2, SIZE, SIZE)
    for number, frame in enumerate(zoomdream.frames(config)):
        if number >= frames - frames // 4:
            total += _energies(luma(frame[None])[0, 0])
    across, down = total
    both = (across + down) / total.mean()
    distance = _distances()
    near_x, near_y = distance < NEAR, (distance < NEAR)[:, None]
    beside = (distance >= AROUND[0]) & (distance < AROUND[1])
    square = torch.maximum(distance, distance[:, None])
    ring = (square >= AROUND[0]) & (square < AROUND[1])
    return {
        "vertical axis": float(across[:, near_x].mean() / across[:, beside].mean()),
        "horizontal axis": float(down[near_y[:, 0]].mean() / down[beside].mean()),
        "pivot": float(both[near_x & near_y].mean() / both[ring].mean()),
    }


def _distances() -> Tensor:
    """Of the centre of each column from the pivot, in pixels."""
    return (torch.arange(SIZE) + 0.5 - SIZE / 2).abs()


def _energies(grey: Tensor) -> Tensor:
    """The squared gradient of each pixel of (H, W), across and down, (2, H, W): between the pixels on its two sides."""
    wide = torch.nn.functional.pad(grey[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    across, down = wide[1:-1, 2:] - grey, wide[2:, 1:-1] - grey
    before_x, before_y = grey - wide[1:-1, :-2], grey - wide[:-2, 1:-1]
    return torch.stack([across.square() + before_x.square(), down.square() + before_y.square()]) / 2
