"""Opens the source that a config names. Only here and in `config` is a source asked for its kind."""

from __future__ import annotations

from typing import assert_never

from zoomdream.config import Config, FramesSource, ImageSource, NoiseSource, VideoSource
from zoomdream.config.codecs import holds_alpha
from zoomdream.source.clip.source import ClipSource
from zoomdream.source.protocol import Source
from zoomdream.source.still import Noise, Picture


def open_source(config: Config) -> Source:
    """The source as a value; nothing is read yet. A new kind needs its class in this room and its case here."""
    width, height = config.size
    keep_alpha = holds_alpha(config.encode.codec, config.encode.pixel_format)
    match config.source:
        case NoiseSource():
            return Noise((height, width), config.seed)
        case ImageSource(path=path):
            return Picture(path, (height, width), keep_alpha)
        case VideoSource() | FramesSource() as clip:
            footage = clip.footage(config.fps)
            return ClipSource(
                footage, clip.start, clip.end, config.frames, config.fps, (height, width), clip.fit, keep_alpha
            )
        case unknown:
            assert_never(unknown)
