"""Colors against the standards' own formulas: YUV is made by them here, and read back as RGB by the code."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from av.video.frame import VideoFrame

from tests.made_clips import encode, encode_yuv, run
from zoomdream.source.clip.clip import frame_numbers, open_clip
from zoomdream.source.clip.color import Colors, colors_of, matrix_of
from zoomdream.source.clip.decode import ClipReader

SHARES = {
    "smpte170m": (0.299, 0.114),
    "bt470bg": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020nc": (0.2627, 0.0593),
}
"""Of red and blue in luma: BT.601, BT.709, BT.2020."""

# x, y of red, green, blue; the white is D65 in all.
CORNERS = {
    "bt709": ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),
    "smpte170m": ((0.63, 0.34), (0.31, 0.595), (0.155, 0.07)),
    "bt470bg": ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    "bt2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    "smpte432": ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)),
}

PATCHES = np.array(
    [(0.9, 0.1, 0.1), (0.1, 0.8, 0.2), (0.2, 0.2, 0.9), (1, 1, 1),
     (0, 0, 0), (0.5, 0.5, 0.5), (0.9, 0.6, 0.3), (0.2, 0.7, 0.8)]
)  # fmt: skip


def patches(colors: np.ndarray) -> np.ndarray:
    """(8, 3) colors as squares of 24 pixels: (48, 96, 3)."""
    return colors.reshape(2, 4, 3).repeat(24, 0).repeat(24, 1)


def middles(picture: np.ndarray) -> np.ndarray:
    return picture[12::24, 12::24].reshape(-1, 3)


def to_yuv(rgb: np.ndarray, name: str, *, full: bool, bits: int) -> np.ndarray:
    """(H, W, 3) R'G'B' in [0, 1] to (3, H, W) integers, as ITU-R BT.601, 709 and 2020 say."""
    red, blue = SHARES[name]
    luma = rgb @ np.array([red, 1 - red - blue, blue])
    differences = [(rgb[..., 2] - luma) / (2 - 2 * blue), (rgb[..., 0] - luma) / (2 - 2 * red)]
    top, unit = 2**bits - 1, 2 ** (bits - 8)
    if full:
        planes = [luma * top, *(difference * top + 128 * unit for difference in differences)]
    else:
        planes = [(16 + 219 * luma) * unit, *((128 + 224 * difference) * unit for difference in differences)]
    return np.stack(planes).round().clip(0, top).astype("<u2" if bits > 8 else np.uint8)


def to_light(name: str) -> np.ndarray:
    """The matrix from linear RGB of these primaries to XYZ."""
    corners = np.array([(x / y, 1, (1 - x - y) / y) for x, y in CORNERS[name]]).T
    white = np.array([0.3127 / 0.3290, 1, (1 - 0.3127 - 0.3290) / 0.3290])
    return corners * np.linalg.solve(corners, white)


def pq(nits: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084."""
    power = (nits / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg(nits: np.ndarray) -> np.ndarray:
    """ITU-R BT.2100 on a display of 1000 nits, for greys."""
    light = (nits / 1000) ** (1 / 1.2)
    upper = 0.17883277 * np.log(np.maximum(12 * light - 0.28466892, 1e-9)) + 0.55991073
    return np.where(light <= 1 / 12, np.sqrt(3 * light), upper)


def read(path: Path) -> np.ndarray:
    clip = open_clip(path)
    with ClipReader(clip, frame_numbers(clip, clip.fps, Fraction(0), None), clip.size, "fill") as reader:
        return reader.frame(0)[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("name", SHARES)
def test_every_matrix_and_range_comes_out_as_the_same_colors(tmp_path: Path, name: str, full: bool, bits: int) -> None:
    tags = {"colorspace": name, "range": "pc" if full else "tv", "color_primaries": "bt709", "color_trc": "bt709"}
    planes = to_yuv(patches(PATCHES), name, full=full, bits=bits)
    path = encode_yuv(tmp_path / "a.mkv", planes, "yuv444p" if bits == 8 else "yuv444p10le", tags)
    error = np.abs(middles(read(path)) - PATCHES).max() * 255
    assert error < (1.4 if bits == 8 else 0.4)  # what rounding to 8 or 10 bits costs


@pytest.mark.parametrize("name", ["ycgco", "smpte2085", "chroma-derived-nc", "ictcp", "bt2020c"])
def test_a_matrix_that_swscale_does_not_know_is_read_all_the_same(tmp_path: Path, name: str) -> None:
    red, green, blue = np.moveaxis(patches(PATCHES), -1, 0)
    codes = [(red + blue) / 4 + green / 2, green / 2 - (red + blue) / 4, (red - blue) / 2]
    planes = np.stack([16 + 219 * codes[0], *(128 + 224 * code for code in codes[1:])]).round().astype(np.uint8)
    found = read(encode_yuv(tmp_path / "a.mkv", planes, "yuv444p", {"colorspace": name, "range": "tv"}))
    assert name != "ycgco" or np.abs(middles(found) - PATCHES).max() * 255 < 2


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("name", SHARES)
def test_colors_of_four_pixels_together_keep_their_matrix(tmp_path: Path, name: str, full: bool) -> None:
    tags = {"colorspace": name, "range": "pc" if full else "tv", "color_primaries": "bt709", "color_trc": "bt709"}
    planes = to_yuv(patches(PATCHES), name, full=full, bits=8)
    path = encode_yuv(tmp_path / "a.mkv", planes, "yuv420p", tags)
    assert np.abs(middles(read(path)) - PATCHES).max() * 255 < 1.4


@pytest.mark.parametrize("name", ["smpte170m", "bt470bg", "bt2020", "smpte432"])
def test_other_primaries_are_converted_in_linear_light(tmp_path: Path, name: str) -> None:
    wanted = 0.3 + 0.4 * PATCHES  # inside every triangle
    light = wanted**2.4 @ (np.linalg.inv(to_light(name)) @ to_light("bt709")).T
    assert np.abs(light ** (1 / 2.4) - wanted).max() > 0.005
    space = "bt2020nc" if name == "bt2020" else "bt709"
    planes = to_yuv(patches(light ** (1 / 2.4)), space, full=False, bits=10)
    tags = {"colorspace": space, "range": "tv", "color_primaries": name, "color_trc": "bt709"}
    found = middles(read(encode_yuv(tmp_path / "a.mkv", planes, "yuv444p10le", tags)))
    assert np.abs(found - wanted).max() < 0.002


@pytest.mark.parametrize(("transfer", "curve"), [("smpte2084", pq), ("arib-std-b67", hlg)])
def test_hdr_keeps_what_sdr_can_show_and_rolls_off_above(tmp_path: Path, transfer: str, curve: object) -> None:
    nits = np.array([0, 1, 10, 50, 100, 203, 500, 1000.0])
    values = patches(curve(nits)[:, None].repeat(3, 1))  # type: ignore[operator]
    tags = {"colorspace": "bt2020nc", "range": "tv", "color_primaries": "bt2020", "color_trc": transfer}
    planes = to_yuv(values, "bt2020nc", full=False, bits=10)
    path = encode_yuv(tmp_path / "a.mkv", planes, "yuv444p10le", tags)
    found = middles(read(path))[:, 1]
    assert np.abs(found[:4] - (nits[:4] / 203) ** (1 / 2.4)).max() < 0.01
    assert (np.diff(found) > 0.01).all()
    assert 0.8 < found[5] < 0.9  # white paper stays below the highlights
    assert found[7] == pytest.approx(1, abs=0.01)
    assert np.ptp(middles(read(path)), axis=1).max() < 0.01  # grey stays grey
    notes = open_clip(path).notes
    assert any("tone-mapped to BT.709" in note for note in notes)


def test_ten_bits_keep_their_precision(tmp_path: Path) -> None:
    ramp = np.linspace(0, 1, 1024)[None, :, None].repeat(16, 0).repeat(3, 2)
    tags = {"colorspace": "bt709", "range": "tv", "color_primaries": "bt709", "color_trc": "bt709"}
    planes = to_yuv(ramp, "bt709", full=False, bits=10)
    found = read(encode_yuv(tmp_path / "a.mkv", planes, "yuv444p10le", tags))
    assert len(np.unique(found[8, :, 1])) > 800


def test_what_is_transparent_is_black(tmp_path: Path) -> None:
    run("-f", "lavfi", "-i", "color=white:s=64x64:d=0.2,format=rgba,geq=r=255:g=255:b=255:a='if(lt(X,32),255,51)'",
        "-c:v", "ffv1", "-pix_fmt", "bgra", tmp_path / "a.mkv")  # fmt: skip
    found = read(tmp_path / "a.mkv")
    assert found[32, 10, 0] == pytest.approx(1, abs=0.01)
    assert found[32, 50, 0] == pytest.approx(0.2, abs=0.01)


def test_rgb_and_grey_are_read_as_they_are(tmp_path: Path) -> None:
    frames = (patches(PATCHES)[None].repeat(2, 0) * 255).round().astype(np.uint8)
    assert np.abs(middles(read(encode(tmp_path / "a.mkv", frames))) - PATCHES).max() < 0.003
    grey = frames.mean(3, keepdims=True).repeat(3, 3).round().astype(np.uint8)
    path = encode(tmp_path / "b.mkv", grey, "-c:v", "ffv1", "-pix_fmt", "gray")
    assert np.abs(read(path) - grey[0] / 255).max() < 0.003


@pytest.mark.parametrize(
    ("size", "expected"),
    [((720, 1280), 1), ((544, 1280), 1), ((1280, 720), 1), ((576, 720), 6), ((272, 640), 6)],
)
def test_untagged_colors_are_those_of_the_size(size: tuple[int, int], expected: int) -> None:
    assert matrix_of(Colors(rgb=False, full=False, matrix=2, primaries=2, transfer=2), size) == expected
    assert matrix_of(Colors(rgb=False, full=False, matrix=9, primaries=2, transfer=2), size) == 9


def test_untagged_ranges_are_those_of_the_format() -> None:
    names = ("yuv420p", "yuvj420p", "gray", "gbrp10le", "yuv444p")
    found = [colors_of(VideoFrame(32, 32, name)) for name in names]
    assert [colors.full for colors in found] == [False, True, True, True, False]
    assert [colors.rgb for colors in found] == [False, False, True, True, False]
