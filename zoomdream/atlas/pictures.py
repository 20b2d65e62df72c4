"""How the pictures of an atlas are made: the engine's own dream, standing still, out of noise or on a picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Any

import imageio.v3 as iio
from torch import Tensor

from zoomdream import assembly, pipeline
from zoomdream.api import load_config
from zoomdream.atlas.subjects import Subject
from zoomdream.color.pyramid import fill
from zoomdream.encode.segment import pack
from zoomdream.rendering.plan import make_plan
from zoomdream.source.picture import read_image
from zoomdream.stages import ZoomStages
from zoomdream.types import Network

# A channel that noise does not wake has no gradient behind its rectifier: of four channels of dreamnet's mixed4c to
# mixed5b all stayed asleep. A little of its whole layer wakes it, and counts for next to nothing once it is awake.
_WAKING = 0.05
_LAYERS: Mapping[str, Any] = MappingProxyType(
    {
        "octaves": 3,
        "steps": 5,
        "step_size": 0.007,
        "noise": 0,
        "variety": 0,
        "hues": "natural",
        "turn": 6,
        "stretch": 0.08,
        "blur": 0.25,
    }
)
_ROUNDS = 6
_ROUNDS_ON_A_PICTURE = 3  # more, and nothing is left of it
# The defaults for classes draw from coarse to fine within two seconds.
_CLASS_ROUNDS, _CLASS_RATE = 20, 10


def read_start(path: Path, edge: int) -> Tensor:
    """A picture to dream on, as it is shaped, with the area of a square of `edge` pixels. Raises InputError."""
    picture = read_image(path)
    height, width = picture.shape[-2:]
    shape = min(4.0, max(0.25, width / height))
    return fill(picture, (round(edge / math.sqrt(shape)), round(edge * math.sqrt(shape))))


def draw(subject: Subject, network: Network, *, edge: int, seed: int, start: Tensor | None = None) -> Tensor:
    """The picture of a subject, (3, H, W) in [0, 1], on the CPU.

    edge: of the square, in pixels. start: a picture (1, 3, H, W) to dream on instead of noise; then its size counts.
    """
    height, width = (edge, edge) if start is None else start.shape[-2:]
    rounds = _ROUNDS if start is None else _ROUNDS_ON_A_PICTURE
    config = load_config(_tree(subject, rounds) | {"size": [width, height], "seed": seed})
    plan = make_plan(config)
    begin = None if start is None else start.to(plan.device)
    with closing(assembly.open_stages(config, plan, network, reference=begin)) as stages:
        assert isinstance(stages, ZoomStages)
        picture = stages.source(0) if begin is None else begin
        for frame in range(config.frames):
            picture = pipeline.dream_on_zoom(picture, stages, frame)
    finished: Tensor = picture[0].clamp(0, 1).float().cpu()
    return finished


def jpeg(picture: Tensor) -> bytes:
    """(3, H, W) in [0, 1] as a JPEG file."""
    return iio.imwrite("<bytes>", pack(picture[None], 8).cpu().numpy(), plugin="pillow", extension=".jpg", quality=88)


def _tree(subject: Subject, rounds: int) -> dict[str, Any]:
    still = {"zoom": 1, "rotate": 0}
    if subject.classified is not None:
        frames = _CLASS_ROUNDS if rounds == _ROUNDS else _CLASS_ROUNDS // 2
        return {"objective": [subject.term], "frames": frames, "fps": _CLASS_RATE, "camera": still}
    terms: list[dict[str, Any]] = [subject.term]
    if subject.channel is not None:
        terms.append({"layer": subject.layer.name, "weight": _WAKING})
    # One frame per second: so the colours are held in each round. The first layers else burn out at once.
    held = {"hold": 0.99}
    return {"objective": terms, "dream": dict(_LAYERS), "frames": rounds, "fps": 1, "camera": still, "color": held}
