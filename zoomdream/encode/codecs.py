"""How each codec is made: encoder, container of its segments, defaults. config.codecs checks what users ask for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from zoomdream.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Codec:
    """One codec. crf and preset are defaults ("" where the encoder has none); even: edges must fit the chroma blocks.

    segment is ffmpeg's name of the container of a render's pieces. Never Matroska: its milliseconds lose the exact
    rate; nor NUT: it carries no colour tags and no length of the last frame. pieces is the pixel format of the
    segments where it is not that of the file (gif and webp are made at the end, from lossless segments).
    """

    encoder: str
    segment: str
    pixel_format: str
    crf: int | None = None
    preset: str = ""
    even: bool = False
    pieces: str = ""


CODECS: Mapping[str, Codec] = MappingProxyType(
    {
        "h264": Codec("libx264", "mp4", "yuv420p", crf=18, preset="medium", even=True),
        "h265": Codec("libx265", "mp4", "yuv420p", crf=20, preset="medium", even=True),
        "vp9": Codec("libvpx-vp9", "mp4", "yuv420p", crf=24),
        "av1": Codec("libsvtav1", "mp4", "yuv420p", crf=24, preset="8"),
        "prores": Codec("prores_ks", "mov", "yuv422p10le"),
        "ffv1": Codec("ffv1", "mov", "gbrp"),
        "gif": Codec("ffv1", "mov", "pal8", pieces="gbrp"),
        "webp": Codec("ffv1", "mov", "bgra", pieces="gbrp"),
        "png": Codec("png", "image2", "rgb24"),
    }
)


def resolve_pixel_format(codec: str, pixel_format: str) -> str:
    """`auto` made concrete: "yuv420p" for most, "yuv422p10le" for prores, RGB where the codec is lossless."""
    return CODECS[codec].pixel_format if pixel_format == "auto" else pixel_format


def bits(pixel_format: str) -> int:
    """Bits per channel: "yuv420p" 8, "yuv422p10le" 10, "rgb48be" 16."""
    if pixel_format.startswith("rgb48"):
        return 16
    found = re.search(r"p(\d+)(?:le|be)$", pixel_format)
    return int(found[1]) if found else 8


def is_rgb(pixel_format: str) -> bool:
    """Whether the format keeps red, green and blue as they are."""
    return pixel_format.startswith(("rgb", "gbr", "bgr"))


def block(pixel_format: str) -> tuple[int, int]:
    """How many pixels (across, down) share one colour sample: (2, 2) for 4:2:0, (2, 1) for 4:2:2, else (1, 1)."""
    if "420" in pixel_format:
        return 2, 2
    return (2, 1) if "422" in pixel_format else (1, 1)


def check_size(codec: str, pixel_format: str, width: int, height: int) -> None:
    """ConfigError with the nearest size that works, unless the codec takes such frames. Nothing is resized silently."""
    if codec == "webp" and max(width, height) > 16383:
        text = f"[{width}, {height}] is too large for webp, whose edges end at 16383 pixels."
        raise ConfigError(text, key="size")
    across, down = block(pixel_format) if CODECS[codec].even else (1, 1)
    if width % across == 0 and height % down == 0:
        return
    nearest = f"[{width + width % across}, {height + height % down}]"
    edges = "width and height" if down == 2 else "width"
    raise ConfigError(
        f"[{width}, {height}] does not fit {codec} with {pixel_format}, which needs an even {edges}. "
        f"The nearest that does is {nearest}; `encode.pixel_format: yuv444p` takes any.",
        key="size",
    )


def check_rate(codec: str, fps: float) -> None:
    """ConfigError where the format cannot show that many frames per second."""
    if codec == "gif" and fps > 50:
        raise ConfigError(
            f"{fps:g} is too fast for gif: its pauses are whole hundredths of a second, and viewers slow down "
            "anything below two of them. At most 50 works.",
            key="fps",
        )
