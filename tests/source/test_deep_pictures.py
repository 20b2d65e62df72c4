"""Still pictures of cameras and compositing programs: pages, depth, light, profiles, alpha; colours at known places."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from zoomdream.errors import InputError
from zoomdream.source.picture import read_channels, read_image

Pixels = np.ndarray
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
WIDE = SRGB.replace(b"\0\0\x6f\xa0", b"\0\0\x4f\xa0")
"""A profile with another red primary."""

Image.init()  # all that this Pillow reads and writes


def tiff(*pages: tuple[Pixels, dict[int, object]], order: str = "<") -> bytes:
    """An uncompressed TIFF; each page is (H, W) or (H, W, C) of any type, with more tags (numbers, or bytes)."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    data = bytearray(mark + struct.pack(f"{order}I", 8))
    for number, (pixels, more) in enumerate(pages):
        channels = 1 if pixels.ndim == 2 else pixels.shape[2]
        strip = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
        tags: dict[int, object] = {
            256: pixels.shape[1], 257: pixels.shape[0], 258: [pixels.dtype.itemsize * 8] * channels, 259: 1,
            262: 2 if channels >= 3 else 1, 273: strip, 277: channels, 278: pixels.shape[0], 279: len(strip),
            339: [{"u": 1, "f": 3}[pixels.dtype.kind]] * channels, **({338: 2} if channels == 4 else {}), **more,
        }  # fmt: skip
        tags = {tag: value for tag, value in tags.items() if value != []}
        behind = len(data) + 2 + 12 * len(tags) + 4
        entries, extra = b"", b""
        for tag, value in sorted(tags.items()):
            raw = value if isinstance(value, bytes) else b""
            words = value if isinstance(value, list) else [value]
            if tag == 273:
                kind, count, held = 4, 1, struct.pack(f"{order}I", behind + len(extra))
                extra += raw
            elif raw:
                kind, count, held = 7, len(raw), raw
            elif tag in (279, 330):
                kind, count, held = 4, 1, struct.pack(f"{order}I", value)
            else:
                kind, count, held = 3, len(words), struct.pack(f"{order}{len(words)}H", *words)
            if len(held) > 4:
                held, extra = struct.pack(f"{order}I", behind + len(extra)), extra + held
            entries += struct.pack(f"{order}HHI", tag, kind, count) + held.ljust(4, b"\0")
        after = behind + len(extra) + len(extra) % 2
        following = after if number < len(pages) - 1 else 0
        data += struct.pack(f"{order}H", len(tags)) + entries + struct.pack(f"{order}I", following)
        data += extra + b"\0" * (len(extra) % 2)
    return bytes(data)


def written(folder: Path, name: str, data: bytes) -> Path:
    (folder / name).write_bytes(data)
    return folder / name


def gradient(dtype: str, channels: int = 3, size: tuple[int, int] = (4, 5)) -> Pixels:
    """Each value once, so that a swapped channel, row or byte shows."""
    values = np.linspace(0.1, 0.9, size[0] * size[1] * channels).reshape(*size, channels)
    return (values if dtype == "f4" else (values * 65535).round()).astype(dtype)


def found(path: Path) -> Pixels:
    """(H, W, C) as it is read."""
    return read_channels(path)[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("dtype", ["u2", "f4"])
def test_a_tiff_in_deep_colour_keeps_its_depth(tmp_path: Path, dtype: str, channels: int, order: str) -> None:
    pixels = gradient(dtype, channels)
    expected = pixels.astype(np.float32) / (1 if dtype == "f4" else 65535)
    assert np.abs(found(written(tmp_path, "a.tif", tiff((pixels, {}), order=order))) - expected).max() < 1e-6


@pytest.mark.parametrize("dtype", ["u2", "f4"])
def test_a_tiff_in_deep_grey_keeps_its_depth(tmp_path: Path, dtype: str) -> None:
    pixels = gradient(dtype, 1)[..., 0]
    expected = pixels.astype(np.float32) / (1 if dtype == "f4" else 65535)
    assert np.abs(found(written(tmp_path, "a.tif", tiff((pixels, {}))))[..., 0] - expected).max() < 1e-6


QUARTER = {"u2": 16384, "u4": 2**30, "f2": 0.25, "f4": 0.25, "f8": 0.25}


@pytest.mark.parametrize("dtype", QUARTER)
@pytest.mark.parametrize(
    ("channels", "tags", "expected"),
    [
        (1, {262: 0}, [0.75]),  # white is zero
        (1, {262: 1}, [0.25]),
        (2, {262: 1, 338: 2}, [0.25, 0.25, 0.25, 0.25]),  # grey and alpha
        (2, {262: 1, 338: 1}, [1, 1, 1, 0.25]),  # multiplied by it
        (3, {}, [0.25, 0.25, 0.25]),
        (4, {338: 1}, [1, 1, 1, 0.25]),
        (4, {338: 0}, [0.25, 0.25, 0.25]),  # of no known meaning
        (5, {338: [0, 0]}, [0.25, 0.25, 0.25]),
        (4, {262: 5, 338: []}, [0.5625, 0.5625, 0.5625]),  # CMYK
    ],
)
def test_every_kind_of_deep_tiff_is_read(
    tmp_path: Path, dtype: str, channels: int, tags: dict[int, object], expected: list[float]
) -> None:
    pixels = np.full((4, 4, channels), QUARTER[dtype], dtype)
    assert found(written(tmp_path, "a.tif", tiff((pixels, tags))))[1, 2].tolist() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("order", ["<", ">"])
def test_deflated_strips_with_differences_are_read_and_cut_ones_are_damaged(tmp_path: Path, order: str) -> None:
    pixels = gradient("u2")
    differences = np.diff(pixels, axis=1, prepend=np.zeros_like(pixels[:, :1]))
    strip = zlib.compress(differences.astype(f"{order}u2").tobytes())
    plain = tiff((pixels, {273: strip, 279: len(strip), 259: 8, 317: 2}), order=order)
    assert np.abs(found(written(tmp_path, "a.tif", plain)) - pixels / np.float32(65535)).max() < 1e-6
    with pytest.raises(InputError, match="damaged"):
        read_image(written(tmp_path, "b.tif", tiff((pixels, {273: pixels.tobytes()[:50], 279: 50}))))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("dtype", "packed"), [("u1", False), ("u2", False), ("u2", True)])
def test_a_tiff_is_turned_at_any_depth(tmp_path: Path, dtype: str, packed: bool, orientation: int) -> None:
    pixels = np.zeros((4, 6, 3), dtype)
    pixels[0, 0] = np.iinfo(dtype).max  # one corner
    corner = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0), 5: (0, 0), 6: (0, -1), 7: (-1, -1), 8: (-1, 0)}
    rows = b"".join(bytes([len(row.tobytes()) - 1]) + row.tobytes() for row in pixels)
    tags: dict[int, object] = {259: 32773, 273: rows, 279: len(rows)} if packed else {}  # PackBits
    seen = found(written(tmp_path, "a.tif", tiff((pixels, {274: orientation, **tags}))))
    assert seen.shape == ((4, 6, 3) if orientation < 5 else (6, 4, 3))
    assert seen[corner[orientation]].tolist() == [1, 1, 1]
    assert seen.sum() == 3


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_the_largest_page_of_a_tiff_counts_but_no_thumbnail(tmp_path: Path, dtype: str) -> None:
    most = np.iinfo(dtype).max
    small, large, thumbnail = (np.full((*size, 3), most, dtype) for size in ((4, 4), (8, 6), (9, 9)))
    small[..., 1:] = thumbnail[..., :2] = 0
    large[..., 0] = 0
    data = tiff((small, {}), (thumbnail, {254: 1}), (large, {254: 2}))
    seen = found(written(tmp_path, "a.tif", data))
    assert seen.shape == (8, 6, 3)
    assert seen[3, 3].tolist() == [0, 1, 1]


def exr(pixels: Pixels, layout: str, **options: str) -> bytes:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=layout)
    encoder = av.CodecContext.create("exr", "w")
    encoder.height, encoder.width = pixels.shape[:2]
    encoder.pix_fmt, encoder.time_base, encoder.options = layout, Fraction(1), options
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def as_srgb(light: Pixels) -> Pixels:
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)


def test_light_of_an_exr_becomes_srgb_between_the_levels_of_eight_bits(tmp_path: Path) -> None:
    light = gradient("f4", 3) * 2  # lamps are above 1
    light[0, 0] = 0.2140411, 0.001, 3.0
    path = written(tmp_path, "a.exr", exr(light, "gbrpf32le"))
    assert np.abs(found(path) - as_srgb(light)).max() < 1e-5
    assert read_image(path)[0, :, 0, 0].tolist() == pytest.approx([0.5, 0.01292, 1.0], abs=1e-4)
    assert np.abs(read_channels(path, "srgb")[0].permute(1, 2, 0).numpy() - light).max() < 1e-6


def test_the_alpha_of_an_exr_is_taken_out_of_its_colours(tmp_path: Path) -> None:
    pixels = np.zeros((2, 2, 4), np.float32)
    pixels[0, 0] = 0.1070205, 0.0, 0.25, 0.5  # half covered, by which the colours were multiplied
    path = written(tmp_path, "a.exr", exr(pixels, "gbrapf32le"))
    assert found(path)[0, 0].tolist() == pytest.approx([0.5, 0, 0.7353569, 0.5], abs=1e-4)
    assert read_image(path, (1.0, 1.0, 1.0))[0, :, 1, 1].tolist() == [1, 1, 1]


@pytest.mark.parametrize("compression", ["none", "rle", "zip1", "zip16"])
@pytest.mark.parametrize("layout", ["gbrpf32le", "gbrapf32le", "grayf32le"])
def test_halves_of_an_exr_are_numbers_too(tmp_path: Path, layout: str, compression: str) -> None:
    pixels = np.full((40, 30, 4), 1, np.float32)  # rows that are padded
    pixels[3, 29] = 0.5, 0.25, 2.0, 1.0
    pixels = {"gbrpf32le": pixels[..., :3], "gbrapf32le": pixels, "grayf32le": pixels[..., 0]}[layout]
    path = written(tmp_path, "a.exr", exr(pixels, layout, format="half", compression=compression))
    assert torch.equal(read_channels(path, "srgb")[0].permute(1, 2, 0).squeeze(), torch.from_numpy(pixels))


def test_grey_light_is_grey(tmp_path: Path) -> None:
    path = written(tmp_path, "a.exr", exr(np.full((2, 2), 0.2140411, np.float32), "grayf32le"))
    assert read_image(path)[0, :, 0, 0].tolist() == pytest.approx([0.5] * 3, abs=1e-4)


def test_pfm_and_radiance_are_light_too(tmp_path: Path) -> None:
    light = np.zeros((2, 3, 3), np.float32)
    light[0, 0] = 0.2140411, 0.0, 1.0  # at the top, which PFM writes last
    written(tmp_path, "a.pfm", b"PF\n3 2\n-1.0\n" + light[::-1].tobytes())
    assert cv2.imwrite(str(tmp_path / "a.hdr"), light[..., ::-1])
    for name in ("a.pfm", "a.hdr"):
        assert found(tmp_path / name)[0, 0].tolist() == pytest.approx([0.5, 0, 1], abs=0.004)
        assert found(tmp_path / name)[1, 0].tolist() == [0, 0, 0]


def test_a_damaged_exr_and_one_that_is_too_large_are_input_errors(tmp_path: Path) -> None:
    data = exr(gradient("f4"), "gbrpf32le")
    with pytest.raises(InputError, match=r"a\.exr is damaged"):
        read_image(written(tmp_path, "a.exr", data[:60]))
    huge = data.replace(struct.pack("<4i", 0, 0, 4, 3), struct.pack("<4i", 0, 0, 39999, 39999))
    with pytest.raises(InputError, match=r"damaged|64 megapixels"):
        read_image(written(tmp_path, "b.exr", huge))


def test_light_that_ffmpeg_has_no_code_for_or_finds_no_picture_in_is_damaged(tmp_path: Path) -> None:
    of_another_version = bytearray(exr(gradient("f4"), "gbrpf32le"))
    of_another_version[4] = 0
    for name, data in (("a.exr", bytes(of_another_version)), ("a.pfm", b"PF\n3 2\n" + b"?" * 90)):
        with pytest.raises(InputError, match=f"{name} is damaged"):
            read_image(written(tmp_path, name, data))


def test_a_profile_counts_at_sixteen_bits_as_at_eight_but_without_its_steps(tmp_path: Path) -> None:
    eight = (np.arange(768).reshape(16, 16, 3) // 3).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(eight).save(buffer, "PNG", icc_profile=WIDE)
    expected = found(written(tmp_path, "a.png", buffer.getvalue()))
    deep = found(written(tmp_path, "a.tif", tiff((eight.astype("u2") * 257, {34675: WIDE}))))
    plain = eight.astype(np.float32) / 255
    assert np.abs(deep.clip(0, 1) - expected).max() < 1.6 / 255
    assert np.abs(deep - plain).max() > 5 / 255
    assert len(np.unique(deep[..., 0])) > len(np.unique(expected[..., 0]))
    same = found(written(tmp_path, "b.tif", tiff((eight.astype("u2") * 257, {34675: SRGB}))))
    assert np.abs(same - plain).max() < 1e-4


def test_a_profile_counts_for_grey_and_for_a_palette(tmp_path: Path) -> None:
    straight = struct.pack(">I4sII", 1, b"kTRC", 144, 14) + b"curv" + struct.pack(">IIH", 0, 1, 256)
    light = SRGB[:16] + b"GRAY" + SRGB[20:128] + straight
    grey = np.full((4, 4), round(0.2140411 * 65535), np.uint16)
    path = written(tmp_path, "a.tif", tiff((grey, {34675: light})))
    assert found(path)[0, 0, 0] == pytest.approx(0.5, abs=1e-4)
    Image.new("RGB", (4, 4), (10, 200, 90)).save(tmp_path / "rgb.png", icc_profile=WIDE)
    Image.new("RGB", (4, 4), (10, 200, 90)).quantize(4).save(tmp_path / "palette.png", icc_profile=WIDE)
    assert torch.equal(read_image(tmp_path / "palette.png"), read_image(tmp_path / "rgb.png"))


def test_the_first_picture_of_an_animation_and_of_a_phones_pair_counts(tmp_path: Path) -> None:
    red, blue = (Image.new("RGB", (16, 12), color) for color in ("#ff0000", "#0000ff"))
    for name in ("a.gif", "a.webp", "a.png", "a.mpo"):
        red.save(tmp_path / name, save_all=True, append_images=[blue])
        assert (read_image(tmp_path / name)[0, :, 5, 5] - torch.tensor([1.0, 0, 0])).abs().max() < 0.02


@pytest.mark.skipif("AVIF" not in Image.SAVE, reason="Pillow reads no AVIF here")
def test_avif_is_read_with_its_transparency(tmp_path: Path) -> None:
    Image.new("RGBA", (32, 32), (200, 100, 50, 128)).save(tmp_path / "a.avif", quality=95)
    seen = found(tmp_path / "a.avif")[16, 16] * 255
    assert seen.tolist() == pytest.approx([200, 100, 50, 128], abs=4)


def test_heic_is_opened_by_the_extra_that_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setitem(sys.modules, "pillow_heif", SimpleNamespace(register_heif_opener=lambda: asked.append(True)))
    with pytest.raises(InputError, match="HEIC"):
        read_image(written(tmp_path, "a.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(20)))
    assert asked == [True]


def test_camera_raw_is_refused_by_name_whatever_it_is_called(tmp_path: Path) -> None:
    mosaic = tiff((np.zeros((16, 16), np.uint16), {262: 32803}))
    preview = tiff((np.zeros((4, 4, 3), np.uint8), {254: 1, 330: 8}))
    plain = tiff((np.zeros((16, 16, 3), np.uint8), {}))
    for name, data in {"a.tif": mosaic, "b": preview, "c.NEF": plain, "d.raf": b"FUJIFILMCCD-RAW 0201"}.items():
        with pytest.raises(InputError, match="a camera raw file; develop it first"):
            read_image(written(tmp_path, name, data))
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), "white").save(buffer, "JPEG")
    assert read_image(written(tmp_path, "e.dng", buffer.getvalue())).min() > 0.98
