"""A decoded frame as a picture of the size that is rendered: unpacked, turned, scaled, in RGB, over black."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, cast

import numpy as np
import torch
from av.filter import Graph
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from torch import Tensor
from torch.nn.functional import interpolate, pad

from zoomdream.config.schema_source import Fit
from zoomdream.source.clip.color import colors_of, to_rgb, top_code
from zoomdream.source.clip.frames import plane_bytes

Turn = tuple[int, bool]
"""Quarter turns counter-clockwise, and whether the picture is mirrored before."""


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


def fitted(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """The middle of (1, C, h, w), cropped or padded with black to (height, width)."""
    tall, wide = picture.shape[-2:]
    top, left = (tall - size[0]) // 2, (wide - size[1]) // 2
    cropped = picture[..., max(0, top) : max(0, top) + size[0], max(0, left) : max(0, left) + size[1]]
    above, before = max(0, (size[0] - tall) // 2), max(0, (size[1] - wide) // 2)
    if (above, before) != (0, 0) or cropped.shape[-2:] != size:
        below, after = size[0] - cropped.shape[-2] - above, size[1] - cropped.shape[-1] - before
        cropped = pad(cropped, (before, after, above, below))
    return cropped.contiguous()


def turn_of(picture: VideoFrame) -> Turn:
    """How a frame must be turned to be upright, from its display matrix (ISO/IEC 14496-12)."""
    for data in cast(Sequence[SideData], picture.side_data):  # PyAV's own types call them strings
        if data.type.name == "DISPLAYMATRIX":
            across, down, _, back, up = struct.unpack("<5i", bytes(data)[:20])
            mirrored = across * up - down * back < 0
            if mirrored:
                across, down = -across, -down
            turns = (0 if across > 0 else 2) if abs(across) >= abs(down) else (3 if down > 0 else 1)
            return turns, mirrored
    return 0, False


def turned(picture: Tensor, turn: Turn) -> Tensor:
    """(1, C, H, W), mirrored and turned."""
    turns, mirrored = turn
    return torch.rot90(picture.flip(-1) if mirrored else picture, turns, (-2, -1))


def has_alpha(picture: VideoFrame) -> bool:
    """Whether a frame can be transparent."""
    return picture.format.has_palette or any(part.is_alpha for part in picture.format.components)


def is_transparent(picture: VideoFrame) -> bool:
    """Whether any pixel of a frame is not opaque."""
    part = next((part for part in picture.format.components if part.is_alpha), None)
    if picture.format.has_palette:
        alphas = plane_bytes(picture, picture.planes[1], 1)[0, 3::4]
        return bool((alphas[plane_bytes(picture, picture.planes[0], 0)] < 255).any())
    if part is None:
        return False
    name, plane = picture.format.name, picture.planes[part.plane]
    codes = np.ascontiguousarray(plane_bytes(picture, plane, part.plane)).view(_kind_of(picture))
    if not picture.format.is_planar:
        codes = codes.reshape(plane.height, plane.width, -1)[..., 0 if name.startswith("a") else -1]
    return bool((codes < (1 if codes.dtype.kind == "f" else 2**part.bits - 1)).any())


class FrameReader:
    """Makes pictures of decoded frames, each as its own size, pixel format, range and matrix say.

    Opaque YUV is scaled by swscale, in 16 bits; all else in tensors, transparent pictures after they are multiplied
    with their alpha, so that no hidden colour bleeds. sited_left: see Header.
    """

    def __init__(self, *, sited_left: bool) -> None:
        self._sited_left = sited_left
        self._graph: tuple[tuple[object, ...], Graph] | None = None

    def read(self, picture: VideoFrame, size: tuple[int, int]) -> tuple[Tensor, Tensor | None]:
        """(1, 3, *size) float32 RGB in [0, 1], transparent parts over black, and alpha (1, 1, *size), None if opaque.

        size: (height, width) before any turn.
        """
        colors, shape, bits = colors_of(picture), (picture.height, picture.width), picture.format.components[0].bits
        if not (colors.rgb or has_alpha(picture) or (shape == size and _is_direct(picture))):
            codes = self._scaled(picture, size, "yuv444p16le", full=colors.full)
            return to_rgb(codes, colors, shape, bits).view(1, 3, *size), None
        codes = self._unpacked(picture, full=colors.full)
        values = to_rgb(codes[:3].clone(), colors, shape, bits).view(1, 3, *shape)
        if codes.shape[0] == 4:
            alpha = (codes[3] / top_code(bits)).clamp_(0, 1).view(1, 1, *shape)
            values = torch.cat([values * alpha, alpha], 1)
        if shape != size:
            values = interpolate(values, size, mode="bicubic", antialias=True, align_corners=False).clamp_(0, 1)
        return values[:, :3], values[:, 3:] if codes.shape[0] == 4 else None

    def _unpacked(self, picture: VideoFrame, *, full: bool) -> Tensor:
        """(3 or 4, H*W) codes in units of 8 bits, alpha last, without any scaling."""
        name, size = picture.format.name, (picture.height, picture.width)
        if _is_direct(picture):
            codes = _planes(picture)
            if name.startswith("gbr"):
                return codes[[2, 0, 1, 3][: len(codes)]]
            return codes.expand(3, -1) if name.startswith("gray") else codes
        if name.startswith("mono"):
            return _planes(picture.reformat(format="gray")).expand(3, -1)
        if name.startswith("ya"):
            return self._scaled(picture, size, "yuva444p16le", full=full)[[0, 0, 0, 3]]
        if name.startswith("xyz"):
            picture = picture.reformat(format="rgb48le")
        if picture.format.is_rgb or picture.format.has_palette:
            alpha = "a" if has_alpha(picture) else ""
            deep = "16le" if picture.format.components[0].bits > 8 else ""
            return _planes(picture.reformat(format=f"gbr{alpha}p{deep}"))[[2, 0, 1, 3][: 4 if alpha else 3]]
        return self._scaled(picture, size, "yuva444p16le" if has_alpha(picture) else "yuv444p16le", full=full)

    def _scaled(self, picture: VideoFrame, size: tuple[int, int], target: str, *, full: bool) -> Tensor:
        """(3 or 4, H*W) codes in units of 8 bits of YUV, with colour for every pixel. Ranges and matrix stay.

        swscale takes the colour of 4:2:0 to sit in the middle of its pixels where nobody says otherwise.
        """
        key = (picture.width, picture.height, picture.format.name, size, target, full)
        if self._graph is None or self._graph[0] != key:
            span = "pc" if full else "tv"
            kept = (
                f"in_range={span}:out_range={span}:in_color_matrix=bt601:out_color_matrix=bt601"  # any matrix, but one
            )
            sited = ":in_chroma_loc=left" if self._sited_left and _is_subsampled(picture) else ""
            flags = "lanczos+accurate_rnd+full_chroma_inp+full_chroma_int"
            graph = Graph()
            graph.link_nodes(
                graph.add_buffer(
                    width=picture.width, height=picture.height, format=picture.format, time_base=Fraction(1, 25)
                ),
                graph.add("scale", f"{size[1]}:{size[0]}:flags={flags}:{kept}{sited}"),
                graph.add("format", target),
                graph.add("buffersink"),
            ).configure()
            self._graph = key, graph
        graph = self._graph[1]
        graph.vpush(picture)
        return _planes(graph.vpull())


def _is_direct(picture: VideoFrame) -> bool:
    """Whether every plane of a frame is one channel for all pixels."""
    return re.fullmatch(r"(gbra?p|yuva?444p|gray)(9|1[0246]|f32)?(le|be)?", picture.format.name) is not None


def _is_subsampled(picture: VideoFrame) -> bool:
    return picture.format.chroma_width(picture.width) != picture.width


def _kind_of(picture: VideoFrame) -> np.dtype[Any]:
    """Of the numbers in a frame's planes."""
    name, bits = picture.format.name, picture.format.components[0].bits
    order = ">" if name.endswith("be") else "<"
    return np.dtype("u1" if bits <= 8 else f"{order}f4" if "f32" in name else f"{order}u2")


def _planes(picture: VideoFrame) -> Tensor:
    """(planes, H*W) float32 in units of 8 bits, of a frame whose planes are channels."""
    kind, bits = _kind_of(picture), picture.format.components[0].bits
    unit = 255.0 if kind.kind == "f" else 2.0 ** (8 - bits)
    codes = np.empty((len(picture.planes), picture.height, picture.width), np.float32)
    for index, plane in enumerate(picture.planes):
        values = np.ascontiguousarray(plane_bytes(picture, plane, index)).view(kind)
        np.multiply(values, unit, out=codes[index], casting="unsafe")
    return torch.from_numpy(codes).flatten(1)
