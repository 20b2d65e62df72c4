"""Files that both a zoom and a clip read, with errors that name the file and the line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from torch import Tensor

from zoomdream import ffmpeg
from zoomdream.color import statistics as color
from zoomdream.color.pyramid import fill
from zoomdream.config import Config
from zoomdream.errors import InputError
from zoomdream.source.mask import open_mask
from zoomdream.source.picture import read_image
from zoomdream.timeline import height_width


def mask(config: Config, closing: ExitStack) -> Callable[[int], Tensor] | None:
    """The mask (1, 1, H, W) of each frame, None where all is dreamt; `closing` ends the reading of a clip.

    InputError if the file is neither a picture nor a clip.
    """
    path = config.dream.mask
    if path is None:
        return None
    program = ffmpeg.executable(config.encode.ffmpeg)
    with blaming(config, "dream.mask"):
        return closing.enter_context(open_mask(program, path, config.frames, config.fps, height_width(config)))


def reference(config: Config) -> color.ColorStatistics | None:
    """The look of the picture that `color.reference` names, None where it is auto. InputError if it is no picture."""
    path = config.color.reference
    if path == "auto":
        return None
    with blaming(config, "color.reference"):
        return color.measure(fill(read_image(path), height_width(config)))


@contextmanager
def blaming(config: Config, key: str) -> Iterator[None]:
    """An InputError from in here begins with the file, the line and the key."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{config.where(key)}: {error}") from None
