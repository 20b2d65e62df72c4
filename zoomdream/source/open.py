"""Opens the source that a config names. Only here and in `config` is a source asked for its kind."""

from __future__ import annotations

from typing import assert_never

from zoomdream.config import Config, FramesSource, ImageSource, NoiseSource, VideoSource
from zoomdream.config.codecs import holds_alpha
from zoomdream.source.clip.source import ClipSource
from zoomdream.source.droste import DrostePicture
from zoomdream.source.protocol import Source
from zoomdream.source.still import Noise, Picture
from zoomdream.timeline import Timeline, dreamt_size, torus


def open_source(config: Config) -> Source:
    """The source as a value; nothing is read yet. A new kind needs its class in this room and its case here."""
    width, height = config.size
    keep_alpha = holds_alpha(config.encode.codec, config.encode.pixel_format)
    match config.source:
        case NoiseSource():
            return Noise(dreamt_size(config), config.seed)
        case ImageSource(path=path, fit=fit) if config.camera.contains_itself:
            across, down = (Timeline.of(config).curve(f"camera.pivot.{axis}")[0] for axis in (0, 1))
            picture = Picture(path, (height, width), fit, keep_alpha=False)
            return DrostePicture(picture, torus(config), dreamt_size(config), (across, down))
        case ImageSource(path=path, fit=fit):
            return Picture(path, (height, width), fit, keep_alpha)
        case VideoSource() | FramesSource() as clip:
            footage = clip.footage(config.fps)
            return ClipSource(
                footage, clip.start, clip.end, config.frames, config.fps, (height, width), clip.fit, keep_alpha
            )
        case unknown:
            assert_never(unknown)
