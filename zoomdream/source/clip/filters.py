"""A clip's frames to RGB of a wanted size: the ffmpeg filters for it. Pure: facts of the clip → text.

Out come full range RGB values as a BT.709 screen shows them. zscale does it all: it knows every range, matrix, set of
primaries and transfer, scales in the same step, and is exact. swscale, which everybody uses, made 10 bit white 254.75
of 255 and took half as long again at 960x540.
"""

from __future__ import annotations

import re
from typing import Literal

from zoomdream.errors import InputError
from zoomdream.source.clip.clip import HDR, Clip
from zoomdream.source.clip.header import LARGEST
from zoomdream.source.clip.scan import DEINTERLACE, Colors

Fit = Literal["fill", "fit", "stretch"]

_WHITE = 203  # nits of a sheet of paper in HDR (BT.2408); it becomes 85 % of the SDR scale, the rest is for highlights
_PEAK = 1000  # nits that become white; most HDR is mastered for no more, and all of HLG

_MATRICES = (
    "bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "bt2020nc", "bt2020c", "ycgco", "chroma-derived-nc",
    "chroma-derived-c", "ictcp",
)  # fmt: skip
_PRIMARIES = (
    "bt470m", "bt470bg", "smpte170m", "smpte240m", "film", "bt2020", "smpte428", "smpte431", "smpte432",
)  # fmt: skip


def placed(shown: tuple[int, int], size: tuple[int, int], fit: Fit) -> tuple[int, int]:
    """The (height, width) to which a picture of `shown` is scaled before it is cropped or framed to `size`."""
    if fit == "stretch":
        return size
    (height, width), (tall, wide) = shown, size
    if fit == "fill":  # the smallest that covers
        return max(tall, -(-height * wide // width)), max(wide, -(-width * tall // height))
    lying = height * wide <= width * tall
    inside = (round(height * wide / width), wide) if lying else (tall, round(width * tall / height))
    return max(1, min(tall, inside[0])), max(1, min(wide, inside[1]))


def filters(clip: Clip, size: tuple[int, int], fit: Fit, chosen: str) -> str:
    """The filter chain for -vf. size is (height, width); `chosen` is the condition of `select` for wanted frames."""
    height, width = size
    tall, wide = placed(clip.size, size, fit)
    if tall * wide > LARGEST:
        raise InputError(
            f"{clip.path} is {clip.size[1]}x{clip.size[0]} and cannot sensibly fill {width}x{height}; "
            "set `source.fit` to `fit` or `stretch`."
        )
    chain = [DEINTERLACE] if clip.header.interlaced else []
    chain += [
        f"select='{chosen}'",
        "showinfo",
        *_to_rgb(clip.scan.colors, clip.scan.size, wide, tall),
        "format=rgb48le",
    ]
    if fit == "fill":
        chain.append(f"crop={width}:{height}:exact=1")
    elif fit == "fit":
        chain.append(f"pad={width}:{height}:-1:-1:black")
    return ",".join(chain)


def is_rgb(colors: Colors) -> bool:
    """Whether the pixels are red, green and blue, or a palette of such."""
    return colors.matrix == "gbr" or colors.pixel_format.startswith(("rgb", "bgr", "gbr", "argb", "abgr", "0", "pal"))


def matrix(colors: Colors, size: tuple[int, int]) -> str:
    """The matrix that made YUV of RGB. Where nothing says it, as players assume: BT.709 for HD, BT.601 below.

    HD is 1280 columns or 577 lines and more, so that a film of 1280x544 is HD and a PAL DVD is not.
    """
    if colors.matrix in _MATRICES:
        return colors.matrix
    return "bt709" if max(size) >= 1280 or min(size) > 576 else "smpte170m"


def span(colors: Colors) -> str:
    """The range of YUV values: "pc" for full, "tv" for limited. Grey without a word on it is full, as in pictures."""
    full = colors.span == "pc" or (
        colors.span != "tv" and colors.pixel_format.startswith(("yuvj", "gray", "ya", "mono"))
    )
    return "pc" if full else "tv"


def _to_rgb(colors: Colors, size: tuple[int, int], wide: int, tall: int) -> list[str]:
    """From a decoded frame to RGB of any format, wide x tall. Transparent parts show black."""
    rgb = is_rgb(colors)
    meant = "gbr" if rgb else matrix(colors, size)
    values = "pc" if rgb and colors.span != "tv" else span(colors)
    hdr = colors.transfer in HDR
    primaries = colors.primaries if colors.primaries in _PRIMARIES else "bt2020" if hdr else "bt709"
    transfer = colors.transfer if hdr or colors.transfer == "linear" else "bt709"  # SDR's are nearly one
    convert = f"filter=lanczos:min={meant}:tin={transfer}:pin={primaries}:rin={values}:m=gbr:r=full"
    whole = [] if rgb else _whole_samples(colors.pixel_format, size, values)
    first = f"zscale=w={wide}:h={tall}:{convert}"
    if not hdr:
        over_black = ["format=gbrap16le", "premultiply=inplace=1"] if _has_alpha(colors.pixel_format) else []
        return [*whole, f"{first}:p=bt709:t=bt709", *(over_black or ["format=gbrp16le"])]
    return [
        *whole,
        f"{first}:t=linear:npl={_WHITE}",
        "format=gbrpf32le",
        "zscale=p=bt709",
        f"tonemap=mobius:param=0.3:desat=0:peak={_PEAK / _WHITE:.4f}",
        "zscale=t=bt709",
        "format=gbrp16le",
    ]


def _whole_samples(pixel_format: str, size: tuple[int, int], span: str) -> list[str]:
    """A sample of color for every pixel, where the edges of the picture cut through one: zscale refuses that.

    In the same number of bits, because swscale counts the range of others differently.
    """
    step = 4 if "410" in pixel_format or "411" in pixel_format else 2
    if (
        "444" in pixel_format
        or pixel_format.startswith(("gray", "ya8", "ya16", "mono"))
        or not any(edge % step for edge in size)
    ):
        return []
    planar = re.fullmatch(r"yuv(j|a)?4\d\dp(\d*)(le|be)?", pixel_format)
    alpha = "a" if planar and planar[1] == "a" else ""
    target = f"yuv{alpha}444p{planar[2] or ''}{'le' if planar[2] else ''}" if planar else "yuv444p16le"
    return [f"scale=in_range={span}:out_range={span}:flags=lanczos+accurate_rnd+full_chroma_inp", f"format={target}"]


def _has_alpha(pixel_format: str) -> bool:
    return pixel_format.startswith(("yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya", "pal8"))
