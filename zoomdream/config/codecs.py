"""What each codec can do, and which files it fits into. The encoder and the checks both read this table."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

Codec = Literal["h264", "h265", "vp9", "av1", "prores", "ffv1", "gif", "webp", "png"]
Hardware = Literal["off", "nvenc", "qsv", "videotoolbox", "amf", "vaapi"]

_X26X_PRESETS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
)
_YUV8 = ("yuv420p", "yuv422p", "yuv444p")
_YUV10 = ("yuv420p10le", "yuv422p10le", "yuv444p10le")


class Ability(NamedTuple):
    """A codec's quality scale, presets and pixel formats, `auto` first; lower crf is better, None and () where it has
    none.
    """

    largest_crf: int | None
    crf: int | None
    presets: tuple[str, ...]
    preset: str | None
    pixel_formats: tuple[str, ...]


ABILITIES: dict[Codec, Ability] = {
    "h264": Ability(51, 18, _X26X_PRESETS, "medium", _YUV8 + _YUV10),
    "h265": Ability(51, 20, _X26X_PRESETS, "medium", _YUV8 + _YUV10),
    "vp9": Ability(63, 24, (), None, _YUV8 + _YUV10),
    "av1": Ability(63, 24, tuple(str(number) for number in range(14)), "8", ("yuv420p", "yuv420p10le")),
    "prores": Ability(None, None, (), None, ("yuv422p10le", "yuv444p10le")),
    "ffv1": Ability(None, None, (), None, ("gbrp", "gbrp10le", "bgr0", *_YUV8, *_YUV10)),
    "gif": Ability(None, None, (), None, ("pal8",)),
    "webp": Ability(None, None, (), None, ("bgra", "yuv420p")),
    "png": Ability(None, None, (), None, ("rgb24", "rgb48be")),
}

HARDWARE: dict[Hardware, tuple[Codec, ...]] = {
    "nvenc": ("h264", "h265", "av1"),
    "qsv": ("h264", "h265", "av1"),
    "videotoolbox": ("h264", "h265"),
    "amf": ("h264", "h265", "av1"),
    "vaapi": ("h264", "h265", "av1"),
}
"""The codecs that each kind of hardware has encoders for."""

HARDWARE_FORMATS: dict[Codec, tuple[str, ...]] = {
    "h264": ("yuv420p",),
    "h265": ("yuv420p", "yuv420p10le"),
    "av1": ("yuv420p", "yuv420p10le"),
}
"""The pixel formats that hardware takes, in the place of those in `ABILITIES`."""

CONTAINERS: dict[str, tuple[Codec, ...]] = {
    ".mp4": ("h264", "h265", "vp9", "av1"),
    ".mkv": ("h264", "h265", "vp9", "av1", "prores", "ffv1"),
    ".mov": ("h264", "h265", "prores"),
    ".webm": ("vp9", "av1"),
    ".gif": ("gif",),
    ".webp": ("webp",),
    ".png": ("png",),
}
"""What fits into a file by its extension; the first is the default."""


SILENT: tuple[Codec, ...] = ("gif", "webp", "png")
"""What can have no soundtrack."""


def chroma_block(codec: Codec, pixel_format: str) -> tuple[int, int]:
    """How many pixels (across, down) share one colour sample; pixel_format as in a config, where it may be auto."""
    name = ABILITIES[codec].pixel_formats[0] if pixel_format == "auto" else pixel_format
    if "420" in name:
        return 2, 2
    return (2, 1) if "422" in name else (1, 1)


def fitting(output: Path) -> tuple[Codec, ...]:
    """The codecs that fit into the file, the default first; none where the extension is unknown."""
    return CONTAINERS.get(output.suffix.lower(), ())


def containers(codec: Codec) -> tuple[str, ...]:
    """The extensions that the codec fits into."""
    return tuple(extension for extension, codecs in CONTAINERS.items() if codec in codecs)
