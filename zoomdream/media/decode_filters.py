"""A clip's frames to RGB of a wanted size: the ffmpeg filters for it. Pure: facts of the clip → text.

Out come full range RGB values as a BT.709 screen shows them. What is already BT.709 or BT.601 with unknown primaries is
converted by swscale, in one step with the resizing. Other primaries need linear light, which only zscale does. Where
nothing says the matrix, it is the one that players assume: BT.709 from 1280 columns or 577 lines on, BT.601 below.
"""

from __future__ import annotations

from typing import Literal

from zoomdream.errors import InputError
from zoomdream.media.clip import Clip
from zoomdream.media.clip_scan import DEINTERLACE, LARGEST

Fit = Literal["fill", "fit", "stretch"]

QUALITY = "flags=lanczos+accurate_rnd+full_chroma_int+full_chroma_inp"
"""swscale's quick paths round coarsely and take the color of two pixels for both."""


def placed(shown: tuple[int, int], size: tuple[int, int], fit: Fit) -> tuple[int, int]:
    """The (height, width) to which a picture of `shown` is scaled before it is cropped or framed to `size`."""
    if fit == "stretch":
        return size
    (height, width), (tall, wide) = shown, size
    if fit == "fill":  # the smallest that covers
        grown = (
            (-(-height * wide // width), wide) if height * wide >= width * tall else (tall, -(-width * tall // height))
        )
        return max(tall, grown[0]), max(wide, grown[1])
    lying = height * wide <= width * tall
    inside = (round(height * wide / width), wide) if lying else (tall, round(width * tall / height))
    return max(1, min(tall, inside[0])), max(1, min(wide, inside[1]))


def filters(clip: Clip, size: tuple[int, int], fit: Fit, chosen: str) -> str:
    """The filter chain for -vf. `chosen` is the condition of `select` for the frames wanted."""
    height, width = size
    tall, wide = placed(clip.size, size, fit)
    if tall * wide > LARGEST:
        raise InputError(f"{clip.path} cannot fill {width}x{height}: use `fit: fit` or `fit: stretch`.")
    chain = [DEINTERLACE] if clip.header.interlaced else []
    chain += [f"select='{chosen}'", "showinfo"]
    matrix = clip.colors.matrix if clip.colors.matrix not in ("unknown", "gbr") else "bt709"
    span = "pc" if clip.colors.span == "pc" else "tv"
    chain += [
        f"scale={wide}:{tall}:in_color_matrix={matrix}:in_range={span}:out_range=pc:{QUALITY}",
        "format=rgb48le",
    ]
    if fit == "fill":
        chain.append(f"crop={width}:{height}:exact=1")
    elif fit == "fit":
        chain.append(f"pad={width}:{height}:-1:-1:black")
    return ",".join(chain)
