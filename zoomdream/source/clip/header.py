"""What a clip's header says: enough to decode it, or to say why not. What the frames say counts more (see scan)."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from zoomdream.config.fields import LARGEST_AREA, LARGEST_EDGE, SMALLEST_EDGE
from zoomdream.config.schema_source import Footage, Series
from zoomdream.errors import InputError, require_file
from zoomdream.source.clip.webp import TICK, animated_size
from zoomdream.source.container import open_container
from zoomdream.source.series import told_as_picture

_NO_TIMES = 0x0080  # AVFMT_NOTIMESTAMPS

_COVER = Disposition.attached_pic | Disposition.timed_thumbnails


@dataclass(frozen=True, slots=True)
class Header:
    """stream: the index of the video that is shown. tick: seconds in which its times are counted. aspect: a pixel's
    width over its height. rates: frames per second that the file states, the most trustworthy first. stated_end: the
    clip's end in seconds on the container's clock, None where the file states none; video_end: that of the video alone,
    which may end before its sound. sited_left: whether samples of
    colour sit on the left edge of the pixels that they cover, as in all but JPEG and MPEG-1. counted: its frames have
    durations but no times, as in raw streams, whose times FFmpeg guesses. webp: it is an animated WebP.
    """

    stream: int
    size: tuple[int, int]
    tick: Fraction
    aspect: Fraction
    rates: tuple[Fraction, ...]
    stated_end: float | None
    has_sound: bool
    sited_left: bool
    video_end: float | None = None
    counted: bool = False
    webp: bool = False


def read_header(footage: Footage) -> Header:
    """The first video stream that is not a cover picture. InputError, with the reason, where there is none."""
    if isinstance(footage, Series):
        return _of_series(footage)
    path = footage
    size = animated_size(path)
    if size is not None:
        return Header(-1, size, TICK, Fraction(1), (), None, has_sound=False, sited_left=True, webp=True)
    with open_container(path) as container:
        if _is_still(container):
            raise InputError(told_as_picture(path))
        has_sound = bool(container.streams.audio)
        videos = [stream for stream in container.streams.video if not stream.disposition & _COVER]
        readable = [stream for stream in videos if stream.codec_context is not None]
        if readable:
            return _header(path, container, readable[0], has_sound)
        if videos:
            raise InputError(f"{path} holds a video of a kind that ffmpeg cannot read.")
        if has_sound:
            cover = ", only a cover picture" if container.streams.video else ""
            raise InputError(f"{path} holds sound but no video{cover}.")
        raise InputError(f"{path} is not a video that ffmpeg can read: it holds no streams.")


def is_picture(path: Path) -> bool:
    """Whether a file is one still picture. A file that cannot be read is none. InputError if it is missing."""
    require_file(path, "a picture or a clip")
    if animated_size(path) is not None:
        return False
    try:
        with open_container(path) as container:
            return _is_still(container)
    except InputError:
        return False


def check_size(footage: Footage, size: tuple[int, int]) -> None:
    """InputError unless (height, width) is a size that can be dreamt on."""
    height, width = size
    if min(size) < SMALLEST_EDGE or max(size) > LARGEST_EDGE or height * width > LARGEST_AREA:
        raise InputError(
            f"{footage} is {width}x{height}; a clip's edges must be {SMALLEST_EDGE} to {LARGEST_EDGE} pixels, and it "
            "may have at most 64 megapixels."
        )


def _of_series(series: Series) -> Header:
    """The size is that of the first picture, which is not read yet."""
    return Header(
        stream=0,
        size=(0, 0),
        tick=1 / series.rate,
        aspect=Fraction(1),
        rates=(series.rate,),
        stated_end=None,
        has_sound=False,
        sited_left=False,
    )


def _header(path: Path, container: InputContainer, stream: VideoStream, has_sound: bool) -> Header:
    codec = stream.codec_context
    if not codec.width and container.format.name == "webp":
        raise InputError(f"{path} holds a video of a kind that ffmpeg cannot read.")
    stated = (codec.framerate, stream.guessed_rate, stream.base_rate, stream.average_rate)
    duration, start = container.duration, container.start_time
    return Header(
        stream=stream.index,
        size=(codec.height, codec.width) if codec.width else _screen(path),
        tick=stream.time_base or Fraction(1, 1000),
        aspect=stream.sample_aspect_ratio or Fraction(1),
        rates=tuple(dict.fromkeys(rate for rate in stated if rate)),
        stated_end=None if duration is None else (duration + (start or 0)) / 1_000_000,
        has_sound=has_sound,
        sited_left=codec.name not in ("mjpeg", "mpeg1video", "jpegls"),
        video_end=_video_end(container, stream),
        counted=bool(container.format.flags & _NO_TIMES),
    )


def _video_end(container: InputContainer, stream: VideoStream) -> float | None:
    """In seconds on the container's clock: AVI counts frames, Matroska has a tag, others a duration."""
    begin, tick = stream.start_time or 0, stream.time_base
    if tick is None:
        return None
    if container.format.name == "avi" and stream.frames:
        return float(stream.frames * tick)
    if stream.duration:
        return float((begin + stream.duration) * tick)
    found = re.fullmatch(r"(\d+):(\d+):(\d+\.\d+)", stream.metadata.get("DURATION", ""))
    return 3600 * int(found[1]) + 60 * int(found[2]) + float(found[3]) if found else None


def _screen(path: Path) -> tuple[int, int]:
    """(height, width) that a GIF of a size which no decoder takes says of itself; zero of other files."""
    with path.open("rb") as file:
        head = file.read(10)
    width, height = struct.unpack("<HH", head[6:]) if head.startswith(b"GIF8") and len(head) == 10 else (0, 0)
    return height, width


def _is_still(container: InputContainer) -> bool:
    """Whether a file of a picture's format holds one packet; pictures one after the other are a clip."""
    if not container.format.name.endswith("_pipe") or not container.streams.video:
        return False
    source = container.demux(container.streams.video[0])
    return sum(1 for _, packet in zip(range(2), source, strict=False) if packet.size) < 2
