"""The ffmpeg filters that convert a clip's frames to full range RGB of a wanted size, as a BT.709 screen shows them.

zscale converts every range, matrix, set of primaries and transfer, scales in the same step, and is exact. swscale,
which everybody uses, made 10 bit white 254.75 of 255 and took half as long again at 960x540.
"""

from __future__ import annotations

import re
from typing import Literal

from zoomdream.config.fields import LARGEST_AREA
from zoomdream.errors import InputError
from zoomdream.source.clip.clip import HDR, Clip
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


def scaled_size(shown: tuple[int, int], size: tuple[int, int], fit: Fit) -> tuple[int, int]:
    """The (height, width) to which a picture of size `shown` is scaled before it is cropped or padded to `size`."""
    if fit == "stretch":
        return size
    (height, width), (tall, wide) = shown, size
    if fit == "fill":  # the smallest that covers
        return max(tall, -(-height * wide // width)), max(wide, -(-width * tall // height))
    lying = height * wide <= width * tall
    inside = (round(height * wide / width), wide) if lying else (tall, round(width * tall / height))
    return max(1, min(tall, inside[0])), max(1, min(wide, inside[1]))


def filters(clip: Clip, size: tuple[int, int], fit: Fit, chosen: str) -> str:
    """The filter chain for -vf. size: (height, width). chosen: the condition by which `select` chooses frames."""
    height, width = size
    tall, wide = scaled_size(clip.size, size, fit)
    if tall * wide > LARGEST_AREA:
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
    """Whether the pixels are RGB, or a palette of RGB."""
    return colors.matrix == "gbr" or colors.pixel_format.startswith(("rgb", "bgr", "gbr", "argb", "abgr", "0", "pal"))


def matrix(colors: Colors, size: tuple[int, int]) -> str:
    """The matrix that made YUV of RGB; where the clip does not say, what players assume: BT.709 for HD, BT.601 below.

    HD is 1280 columns or 577 lines and more, so that a film of 1280x544 is HD and a PAL DVD is not.
    """
    if colors.matrix in _MATRICES:
        return colors.matrix
    return "bt709" if max(size) >= 1280 or min(size) > 576 else "smpte170m"


def value_range(colors: Colors) -> str:
    """The range of YUV values: "pc" for full, "tv" for limited. Grey of unknown range is full, as in pictures."""
    full = colors.range == "pc" or (
        colors.range != "tv" and colors.pixel_format.startswith(("yuvj", "gray", "ya", "mono"))
    )
    return "pc" if full else "tv"


def _to_rgb(colors: Colors, size: tuple[int, int], wide: int, tall: int) -> list[str]:
    """From a decoded frame to RGB of any format, wide x tall. Transparent parts show black."""
    rgb = is_rgb(colors)
    source_matrix = "gbr" if rgb else matrix(colors, size)
    values = "pc" if rgb and colors.range != "tv" else value_range(colors)
    hdr = colors.transfer in HDR
    primaries = colors.primaries if colors.primaries in _PRIMARIES else "bt2020" if hdr else "bt709"
    transfer = colors.transfer if hdr or colors.transfer == "linear" else "bt709"  # SDR's are nearly one
    convert = f"filter=lanczos:min={source_matrix}:tin={transfer}:pin={primaries}:rin={values}:m=gbr:r=full"
    upsample = [] if rgb else _full_chroma(colors.pixel_format, size, values)
    first = f"zscale=w={wide}:h={tall}:{convert}"
    if not hdr:
        over_black = ["format=gbrap16le", "premultiply=inplace=1"] if _has_alpha(colors.pixel_format) else []
        return [*upsample, f"{first}:p=bt709:t=bt709", *(over_black or ["format=gbrp16le"])]
    return [
        *upsample,
        f"{first}:t=linear:npl={_WHITE}",
        "format=gbrpf32le",
        "zscale=p=bt709",
        f"tonemap=mobius:param=0.3:desat=0:peak={_PEAK / _WHITE:.4f}",
        "zscale=t=bt709",
        "format=gbrp16le",
    ]


def _full_chroma(pixel_format: str, size: tuple[int, int], value_range: str) -> list[str]:
    """Chroma for every pixel where a chroma sample covers pixels outside of the picture: zscale refuses that.

    In the same number of bits, because swscale computes the range of others differently.
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
    return [
        f"scale=in_range={value_range}:out_range={value_range}:flags=lanczos+accurate_rnd+full_chroma_inp",
        f"format={target}",
    ]


def _has_alpha(pixel_format: str) -> bool:
    return pixel_format.startswith(("yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya", "pal8"))
