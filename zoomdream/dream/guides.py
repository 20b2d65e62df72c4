"""Guides: pictures and clips whose activations a dream takes after."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from zoomdream import ffmpeg
from zoomdream.color.pyramid import resize
from zoomdream.config import Config
from zoomdream.dream.aims import Aim
from zoomdream.dream.objective import GuideTerm
from zoomdream.errors import InputError
from zoomdream.machine.devices import to_device
from zoomdream.networks import catalog
from zoomdream.source.clip.clip import frame_numbers, open_clip
from zoomdream.source.clip.decode import ClipReader
from zoomdream.source.clip.header import is_picture
from zoomdream.source.picture import read_image
from zoomdream.timeline import height_width
from zoomdream.types import Plan

LONGEST_EDGE = 512
"""Pixels; a larger guide is shrunk. What a layer can recognise is no larger than that."""
MOST_PLACES = 4096
"""Places of the guide that those of the picture are compared with: as many as GoogLeNet's mixed3b has at 512x512."""

Guide = Callable[[int, float], GuideTerm]
"""The term at a frame, with a weight."""


def guide(config: Config, number: int, aim: Aim, planned: Plan, closing: ExitStack) -> Guide:
    """The guide of a term of that number; its network is on its device already. `closing` ends the reading of a clip.

    A clip runs from its beginning at its own speed; once it is over its last frame stays. InputError that names the
    line if the file is neither a picture nor a clip.
    """
    term = config.objective[number]
    assert term.guide is not None
    try:
        still, look = _pictures(config, term.guide, aim, closing)
    except InputError as error:
        raise InputError(f"{config.where(f'objective.{number}.guide')}: {error}") from None

    @lru_cache(maxsize=1)
    def seen(number: int) -> Tensor:
        with torch.no_grad():
            picture = to_device(look(number), planned.device)
            activation = aim.network(picture, frozenset({aim.layer.name}))[aim.layer.name]
        return activation.float().reshape(activation.shape[1], -1)

    def at(index: int, weight: float) -> GuideTerm:
        activation = seen(0 if still else index)
        if term.match == "channels":
            return GuideTerm(aim.layer.name, weight, channels=activation.mean(1))
        step = -(-activation.shape[1] // MOST_PLACES)
        return GuideTerm(aim.layer.name, weight, positions=activation[:, ::step])

    return at


def _pictures(config: Config, path: Path, aim: Aim, closing: ExitStack) -> tuple[bool, Callable[[int], Tensor]]:
    """Whether it never changes, and the guide's picture at each frame, (1, 3, h, w)."""
    program = ffmpeg.executable(config.encode.ffmpeg)
    if is_picture(program, path):
        picture = read_image(path)
        picture = resize(picture, _size(config, (picture.shape[-2], picture.shape[-1]), aim)).clamp(0, 1)
        return True, lambda index: picture
    clip = open_clip(program, path)
    numbers = frame_numbers(clip, config.fps, Fraction(0), config.frames / config.fps)
    reader = closing.enter_context(ClipReader(program, clip, numbers, _size(config, clip.size, aim), "stretch"))
    return False, reader.frame


def _size(config: Config, size: tuple[int, int], aim: Aim) -> tuple[int, int]:
    """(height, width) at which a guide of `size` is looked at: as large as the frame, or as the layer needs it."""
    scale = min(LONGEST_EDGE, max(height_width(config))) / max(size)
    smallest = catalog.minimum_edge(aim.layer)
    height, width = (max(smallest, round(edge * scale)) for edge in size)
    return height, width
