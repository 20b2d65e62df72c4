"""The only table of codecs: what each takes, how it is made, the files that it fits into, and what it cannot hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from zoomdream.errors import ConfigError

CodecName = Literal["h264", "h265", "vp9", "av1", "prores", "ffv1", "gif", "webp", "png"]
Hardware = Literal["off", "nvenc", "qsv", "videotoolbox", "amf", "vaapi"]


@dataclass(frozen=True, slots=True)
class Codec:
    """One codec. encoder: ffmpeg's; pixel_formats: those that it takes, `auto` first; crf, preset: the defaults.

    Lower crf is better, from 0 to largest_crf; None, "" and () where the encoder has none. even: edges must fit the
    chroma blocks. segment: ffmpeg's name of the container of segments, never Matroska, whose milliseconds lose the
    exact rate, nor NUT, which carries no colour tags and no length of the last frame. segment_format: the pixel format
    of the segments where it is not the file's (gif and webp are made at the end, from lossless segments).
    hardware_formats: the pixel formats that encoders in hardware take. alpha_formats: those that keep transparency,
    `auto` first where the source is transparent.
    """

    encoder: str
    segment: str
    pixel_formats: tuple[str, ...]
    crf: int | None = None
    largest_crf: int | None = None
    preset: str = ""
    presets: tuple[str, ...] = ()
    even: bool = False
    segment_format: str = ""
    silent: bool = False
    hardware_formats: tuple[str, ...] = ()
    alpha_formats: tuple[str, ...] = ()


_YUV8 = ("yuv420p", "yuv422p", "yuv444p")
_YUV10 = ("yuv420p10le", "yuv422p10le", "yuv444p10le")
_X26X = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo")
_BOTH = ("yuv420p", "yuv420p10le")
_RGBA = ("rgba", "rgba64be")

CODECS: Mapping[CodecName, Codec] = MappingProxyType(
    {
        "h264": Codec("libx264", "mp4", _YUV8 + _YUV10, 18, 51, "medium", _X26X, True, hardware_formats=_BOTH[:1]),
        "h265": Codec("libx265", "mp4", _YUV8 + _YUV10, 20, 51, "medium", _X26X, True, hardware_formats=_BOTH),
        "vp9": Codec("libvpx-vp9", "mp4", _YUV8 + _YUV10, 24, 63),
        "av1": Codec("libsvtav1", "mp4", _BOTH, 24, 63, "8", tuple(map(str, range(14))), hardware_formats=_BOTH),
        "prores": Codec("prores_ks", "mov", ("yuv422p10le", "yuv444p10le")),
        "ffv1": Codec("ffv1", "mov", ("gbrp", "gbrp10le", "bgr0", *_YUV8, *_YUV10)),
        "gif": Codec("ffv1", "mov", ("pal8",), segment_format="gbrp", silent=True),
        "webp": Codec("ffv1", "mov", ("bgra", "yuv420p"), segment_format="gbrp", silent=True, alpha_formats=("bgra",)),
        "png": Codec("png", "image2", ("rgb24", "rgb48be", *_RGBA), silent=True, alpha_formats=_RGBA),
    }
)

ABOUT: Mapping[CodecName, str] = MappingProxyType(
    {
        "h264": "Plays everywhere.",
        "h265": "Smaller files than h264, for newer players.",
        "vp9": "For the web, as .webm.",
        "av1": "The smallest files, for new players.",
        "prores": "For editing: large files of 10 bits.",
        "ffv1": "Lossless, for an archive or further work.",
        "gif": "256 colours; plays everywhere.",
        "webp": "A moving picture for web pages.",
        "png": "A picture of each frame, or of the last one.",
    }
)

HARDWARE: Mapping[Hardware, Mapping[CodecName, str]] = MappingProxyType(
    {
        "nvenc": {"h264": "h264_nvenc", "h265": "hevc_nvenc", "av1": "av1_nvenc"},
        "qsv": {"h264": "h264_qsv", "h265": "hevc_qsv", "av1": "av1_qsv"},
        "videotoolbox": {"h264": "h264_videotoolbox", "h265": "hevc_videotoolbox"},
        "amf": {"h264": "h264_amf", "h265": "hevc_amf", "av1": "av1_amf"},
        "vaapi": {"h264": "h264_vaapi", "h265": "hevc_vaapi", "av1": "av1_vaapi"},
    }
)
"""What ffmpeg calls the encoders in hardware of each kind, by codec."""

CONTAINERS: Mapping[str, tuple[CodecName, ...]] = MappingProxyType(
    {
        ".mp4": ("h264", "h265", "vp9", "av1"),
        ".mkv": ("h264", "h265", "vp9", "av1", "prores", "ffv1"),
        ".mov": ("h264", "h265", "prores"),
        ".webm": ("vp9", "av1"),
        ".gif": ("gif",),
        ".webp": ("webp",),
        ".png": ("png",),
    }
)
"""What fits into a file by its extension; the first is the default."""


def fitting(output: Path) -> tuple[CodecName, ...]:
    """The codecs that fit into the file, the default first; none where the extension is unknown."""
    return CONTAINERS.get(output.suffix.lower(), ())


def is_numbered(output: Path) -> bool:
    """Whether the output is many pictures, such as frames/%05d.png; else a % in its name is just a letter."""
    return output.suffix.lower() == ".png" and re.search(r"%\d*d", output.name) is not None


def resolve_pixel_format(codec: CodecName, pixel_format: str, *, alpha: bool = False) -> str:
    """`auto` made concrete: "yuv420p" for most, "yuv422p10le" for prores, RGB where the codec is lossless. alpha:
    whether transparency is kept.
    """
    formats = CODECS[codec].alpha_formats if alpha else CODECS[codec].pixel_formats
    return formats[0] if pixel_format == "auto" else pixel_format


def holds_alpha(codec: CodecName, pixel_format: str) -> bool:
    """Whether such a file can be transparent."""
    formats = CODECS[codec].alpha_formats
    return pixel_format in formats or (pixel_format == "auto" and bool(formats))


def bits(pixel_format: str) -> int:
    """Bits per channel: "yuv420p" 8, "yuv422p10le" 10, "rgb48be" 16."""
    if pixel_format.startswith(("rgb48", "rgba64")):
        return 16
    found = re.search(r"p(\d+)(?:le|be)$", pixel_format)
    return int(found[1]) if found else 8


def is_rgb(pixel_format: str) -> bool:
    """Whether the format keeps red, green and blue as they are."""
    return pixel_format.startswith(("rgb", "gbr", "bgr"))


def chroma_block(pixel_format: str) -> tuple[int, int]:
    """How many pixels (across, down) share one colour sample: (2, 2) for 4:2:0, (2, 1) for 4:2:2, else (1, 1)."""
    if "420" in pixel_format:
        return 2, 2
    return (2, 1) if "422" in pixel_format else (1, 1)


def check_size(codec: CodecName, pixel_format: str, width: int, height: int) -> None:
    """ConfigError with the nearest size that works, unless the codec takes such frames. Nothing is resized silently."""
    if codec == "webp" and max(width, height) > 16383:
        text = f"[{width}, {height}] is too large for webp, whose edges end at 16383 pixels."
        raise ConfigError(text, key="size")
    across, down = chroma_block(pixel_format) if CODECS[codec].even else (1, 1)
    if width % across == 0 and height % down == 0:
        return
    nearest = f"[{width + width % across}, {height + height % down}]"
    edges = "width and height" if down == 2 else "width"
    raise ConfigError(
        f"[{width}, {height}] does not fit {codec} with {pixel_format}, which needs an even {edges}. "
        f"The nearest that does is {nearest}; `encode.pixel_format: yuv444p` takes any.",
        key="size",
    )


def check_rate(codec: CodecName, fps: float) -> None:
    """ConfigError where the format cannot show that many frames per second."""
    if codec == "gif" and fps > 50:
        raise ConfigError(
            f"{fps:g} is too fast for gif: its pauses are whole hundredths of a second, and viewers slow down "
            "anything below two of them. At most 50 works.",
            key="fps",
        )
