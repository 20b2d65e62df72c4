"""Decoded frames to full range RGB as a BT.709 screen shows them, by the formulas of the standards, in tensors.

Range and matrix: ITU-T H.273. HDR: ITU-R BT.2100, white at 203 nits (BT.2408), rolled off by a Möbius curve.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from av.video.frame import VideoFrame
from torch import Tensor

HDR = {16: "PQ", 18: "HLG"}
"""Transfer functions of high dynamic range (H.273), and what people call them."""

LINEAR = 8
BT2020 = 9

_WHITE = (
    203.0  # nits of a sheet of paper in HDR (BT.2408); it becomes 85 % of the SDR scale, the rest is for highlights
)
_PEAK = 1000.0  # nits that become white; most HDR is mastered for no more, and all of HLG
_KNEE = 0.3  # of white: what is below stays as it is
_GAMMA = 2.4  # of an SDR display (BT.1886)

_LUMA = {
    1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087),
    9: (0.2627, 0.0593), 10: (0.2627, 0.0593),
}  # fmt: skip
"""Of red and blue in luma, by matrix."""

_D65, _C = (0.3127, 0.3290), (0.310, 0.316)
_PRIMARIES = {
    1: ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), _D65),
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), _C),
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    8: ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), _C),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    10: ((1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (1 / 3, 1 / 3)),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),
}
"""x, y of red, green, blue and white, by number."""

_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


@dataclass(frozen=True, slots=True)
class Colors:
    """What the numbers of a frame mean: H.273's numbers of matrix, primaries and transfer, 2 where it does not say.

    rgb: they are RGB or grey, not YUV. full: they use the full range.
    """

    rgb: bool
    full: bool
    matrix: int
    primaries: int
    transfer: int


def colors_of(picture: VideoFrame) -> Colors:
    """What a frame says of its colours. Grey of unknown range is full, as in pictures."""
    name = picture.format.name
    grey = name.startswith(("gray", "ya", "mono"))
    other = picture.format.has_palette or name.startswith("xyz")  # both become RGB before
    rgb = picture.format.is_rgb or picture.colorspace == 0 or other or grey
    stated = int(picture.color_range)
    full = stated == 2 or (stated != 1 and (rgb or name.startswith("yuvj")))
    return Colors(rgb, full, int(picture.colorspace), int(picture.color_primaries), int(picture.color_trc))


def matrix_of(colors: Colors, size: tuple[int, int]) -> int:
    """The matrix that made YUV of RGB; where the clip does not say, what players assume: BT.709 for HD, BT.601 below.

    HD is 1280 columns or 577 lines and more, so that a film of 1280x544 is HD and a PAL DVD is not.
    """
    if colors.matrix in _LUMA or colors.matrix in (8, 12, 13, 14):
        return colors.matrix
    return 1 if max(size) >= 1280 or min(size) > 576 else 6


def top_code(bits: int) -> float:
    """The largest code of `bits` bits, in units of 8 bits."""
    return 255.0 if bits in (5, 6, 32) else (2**bits - 1) * 2.0 ** (8 - bits)


def to_rgb(codes: Tensor, colors: Colors, size: tuple[int, int], bits: int) -> Tensor:
    """(3, N) codes to (3, N) R'G'B' in [0, 1] for a BT.709 display.

    codes: Y, Cb, Cr or R, G, B in units of 8 bits (the code of `bits` bits times 2^(8 - bits)). size: (height, width)
    of the frame, which decides where the matrix is not known.
    """
    top = top_code(bits)
    low, span, chroma = (0.0, top, top) if colors.full else (16.0, 219.0, 224.0)
    if colors.rgb:
        signal = (codes - low) / span
    else:
        matrix = matrix_of(colors, size)
        factors = torch.tensor(_from_yuv(matrix, colors.primaries))
        factors = factors / torch.tensor([span, chroma, chroma])
        offset = -factors @ torch.tensor([low, 128.0, 128.0])
        signal = torch.addmm(offset[:, None], factors, codes)
        if matrix == 14:  # ICtCp: what is known now is L'M'S'
            return _tone_map(_lms_to_light(signal)).clamp_(0, 1)
    hdr = colors.transfer in HDR
    default = BT2020 if hdr else 1
    primaries = colors.primaries if colors.primaries in _PRIMARIES else default
    if not hdr and primaries == 1 and colors.transfer != LINEAR:
        return signal.clamp_(0, 1)
    light = _to_light(signal.clamp_(0, None if colors.transfer == LINEAR else 1), colors.transfer)
    if primaries != 1:
        light = torch.tensor(_gamut(primaries)) @ light
    return _tone_map(light).clamp_(0, 1) if hdr else light.clamp_(0, 1).pow_(1 / _GAMMA)


@cache
def _from_yuv(matrix: int, primaries: int) -> tuple[tuple[float, float, float], ...]:
    """R'G'B' of (Y', Cb, Cr), Y' in [0, 1], the others in [-0.5, 0.5]."""
    if matrix == 8:  # YCgCo
        return (1.0, -1.0, 1.0), (1.0, 1.0, 0.0), (1.0, -1.0, -1.0)
    if matrix == 14:  # ICtCp to L'M'S', for PQ
        return (1.0, 0.008609037, 0.111029625), (1.0, -0.008609037, -0.111029625), (1.0, 0.560031336, -0.320627175)
    if matrix in (12, 13):  # of the primaries themselves
        light = _light(primaries if primaries in _PRIMARIES else 1)
        red, blue = float(light[1, 0]), float(light[1, 2])
    else:
        red, blue = _LUMA[matrix]
    green = 1 - red - blue
    return (
        (1.0, 0.0, 2 - 2 * red),
        (1.0, -(2 - 2 * blue) * blue / green, -(2 - 2 * red) * red / green),
        (1.0, 2 - 2 * blue, 0.0),
    )


def _to_light(signal: Tensor, transfer: int) -> Tensor:
    """Linear light; in HDR 1 is a sheet of white paper."""
    if transfer == LINEAR:
        return signal
    if transfer == 16:  # SMPTE ST 2084
        return _pq(signal) / _WHITE
    if transfer == 18:  # ARIB STD-B67, on a display of 1000 nits (BT.2100)
        scene = torch.where(
            signal <= 0.5, signal**2 / 3, (((signal - 0.55991073) / 0.17883277).exp() + 0.28466892) / 12
        )
        luma = torch.tensor([[0.2627, 0.6780, 0.0593]]) @ scene
        return scene * luma.clamp_(min=1e-9).pow_(0.2) * (_PEAK / _WHITE)
    return signal**_GAMMA


def _pq(signal: Tensor) -> Tensor:
    """Nits of a signal of SMPTE ST 2084."""
    power: Tensor = signal.clamp(0, 1).pow(1 / 78.84375)
    light: Tensor = ((power - 0.8359375).clamp(min=0) / (18.8515625 - 18.6875 * power)).pow(1 / 0.1593017578125)
    return light * 10000


def _lms_to_light(signal: Tensor) -> Tensor:
    """BT.709 light of L'M'S' in PQ (BT.2100)."""
    lms = torch.tensor([[1688.0, 2146, 262], [683, 2951, 462], [99, 309, 3688]]) / 4096
    light: Tensor = torch.tensor(_gamut(BT2020)) @ torch.linalg.inv(lms)
    return light @ (_pq(signal) / _WHITE)


def _tone_map(light: Tensor) -> Tensor:
    """R'G'B' of light up to `_PEAK`: a Möbius curve over the largest of the three, so that hues stay."""
    peak = _PEAK / _WHITE
    shift = -(_KNEE**2) * (peak - 1) / (_KNEE**2 - 2 * _KNEE + peak)
    bend = (_KNEE**2 - 2 * _KNEE * peak + peak) / (peak - 1)
    scale = (bend**2 + 2 * bend * _KNEE + _KNEE**2) / (bend - shift)
    largest = light.amax(0, keepdim=True).clamp(min=1e-6)
    mapped = torch.where(largest > _KNEE, scale * (largest + shift) / (largest + bend), largest)
    return (light * (mapped / largest)).clamp_(0, 1).pow_(1 / _GAMMA)


@cache
def _gamut(primaries: int) -> tuple[tuple[float, ...], ...]:
    """The matrix from linear RGB of these primaries to that of BT.709, its white adapted (Bradford)."""
    source, target = (_white(number) for number in (primaries, 1))
    cones = np.diag((_BRADFORD @ target) / (_BRADFORD @ source))
    adapted = np.linalg.inv(_BRADFORD) @ cones @ _BRADFORD
    matrix = np.linalg.inv(_light(1)) @ adapted @ _light(primaries)
    return tuple(tuple(float(value) for value in row) for row in matrix)


def _light(primaries: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """The matrix from linear RGB of these primaries to XYZ."""
    *corners, _ = _PRIMARIES[primaries]
    columns = np.array([(x, y, 1 - x - y) for x, y in corners]).T
    return np.asarray(columns * np.linalg.solve(columns, _white(primaries)))


def _white(primaries: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    x, y = _PRIMARIES[primaries][3]
    return np.array([x / y, 1, (1 - x - y) / y])
