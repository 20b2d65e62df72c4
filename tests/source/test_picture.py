from __future__ import annotations

import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, ImageOps

from zoomdream.errors import InputError
from zoomdream.source.picture import read_channels, read_image


def colours(height: int = 6, width: int = 8) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


def as_tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None] / 255


def test_a_picture_is_read_as_rgb_in_0_to_1(tmp_path: Path) -> None:
    Image.fromarray(colours()).save(tmp_path / "a.png")
    picture = read_image(tmp_path / "a.png")
    assert picture.shape == (1, 3, 6, 8)
    assert torch.equal(picture, as_tensor(colours()))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_camera_was_held(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(colours()).save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as opened:
        expected = np.array(ImageOps.exif_transpose(opened))
    assert torch.equal(read_image(tmp_path / "a.png"), as_tensor(expected))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_sixteen_bit_grey_keeps_its_depth_and_its_turn(tmp_path: Path, orientation: int) -> None:
    grey = np.array([[0, 1, 300], [40000, 65534, 65535]], dtype=np.uint16)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(grey).save(tmp_path / "a.png", exif=exif)
    turn = {
        1: grey,
        2: np.fliplr(grey),
        3: np.rot90(grey, 2),
        4: np.flipud(grey),
        5: grey.T,
        6: np.rot90(grey, -1),
        7: np.rot90(grey, 2).T,
        8: np.rot90(grey),
    }
    expected = turn[orientation]
    found = (read_image(tmp_path / "a.png") * 65535).round().numpy()
    assert all((found[0, channel] == expected).all() for channel in range(3))


def deep_png(pixels: np.ndarray, exif: bytes = b"", cut: int = 0) -> bytes:
    """A PNG of 16 bits, which Pillow cannot write in colour, less its last `cut` bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, channels = pixels.shape
    color = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    chunks = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, color, 0, 0, 0)) + chunk(
        b"IDAT", zlib.compress(rows)
    )
    data = b"\x89PNG\r\n\x1a\n" + chunks + (chunk(b"eXIf", exif) if exif else b"") + chunk(b"IEND", b"")
    return data[: len(data) - cut]


@pytest.mark.parametrize("channels", [2, 3, 4], ids=["grey and alpha", "RGB", "RGBA"])
def test_sixteen_bit_colour_keeps_its_depth_without_a_process(
    tmp_path: Path, channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = np.random.default_rng(1).integers(0, 65536, (4, 5, channels), dtype=np.uint16)
    if channels != 3:
        deep[..., -1] = 65535
    (tmp_path / "a.png").write_bytes(deep_png(deep))
    monkeypatch.setattr(subprocess, "Popen", None)
    found = (read_image(tmp_path / "a.png")[0].permute(1, 2, 0) * 65535).round().numpy()
    assert (found == deep[..., : 1 if channels == 2 else 3]).all()


def test_sixteen_bit_alpha_shows_the_background_between_the_levels_of_eight_bits(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(deep_png(np.array([[[0, 0, 0, 32896 - 64]]], np.uint16)))
    white = read_image(tmp_path / "a.png", background=(1, 1, 1))
    assert white.unique().item() == pytest.approx(1 - 32832 / 65535, abs=1e-6)


def test_the_turn_of_sixteen_bit_colour_may_stand_behind_its_pixels(tmp_path: Path) -> None:
    deep = np.random.default_rng(1).integers(0, 65536, (4, 5, 3), dtype=np.uint16)
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "a.png").write_bytes(deep_png(deep, exif.tobytes().removeprefix(b"Exif\0\0")))
    found = (read_image(tmp_path / "a.png")[0].permute(1, 2, 0) * 65535).round().numpy()
    assert (found == np.rot90(deep, -1)).all()


def test_a_truncated_picture_of_sixteen_bits_is_an_input_error(tmp_path: Path) -> None:
    deep = np.random.default_rng(1).integers(0, 65536, (40, 50, 3), dtype=np.uint16)
    (tmp_path / "a.png").write_bytes(deep_png(deep, cut=3000))
    with pytest.raises(InputError, match=r"a\.png is damaged: .*truncated"):
        read_image(tmp_path / "a.png")


def test_without_opencv_sixteen_bit_colour_has_eight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    monkeypatch.delitem(sys.modules, "imageio.plugins.opencv", raising=False)
    deep = np.random.default_rng(1).integers(0, 65536, (4, 5, 3), dtype=np.uint16)
    (tmp_path / "a.png").write_bytes(deep_png(deep))
    assert torch.equal(read_image(tmp_path / "a.png"), as_tensor((deep >> 8).astype(np.uint8)))


def test_what_is_transparent_shows_the_background(tmp_path: Path) -> None:
    pixels = np.dstack([np.full((2, 2, 3), 255, np.uint8), np.array([[0, 255], [51, 0]], np.uint8)])
    Image.fromarray(pixels).save(tmp_path / "a.png")
    red = read_image(tmp_path / "a.png")[0, 0]
    assert torch.allclose(red, torch.tensor([[0.0, 1.0], [0.2, 0.0]]))
    over_grey = read_image(tmp_path / "a.png", background=(0.5, 0.5, 0.5))[0, 0]
    assert torch.allclose(over_grey, torch.tensor([[0.5, 1.0], [0.6, 0.5]]))


def test_channels_keep_the_colours_that_transparency_hides(tmp_path: Path) -> None:
    pixels = np.dstack([colours(), np.zeros((6, 8), np.uint8)])
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert torch.equal(read_channels(tmp_path / "a.png"), as_tensor(pixels))


def test_numbers_that_are_linear_light_become_srgb_but_alpha_stays(tmp_path: Path) -> None:
    Image.fromarray(np.array([[[0, 55, 255, 55]]], np.uint8)).save(tmp_path / "a.png")  # 0.2159 is half as the eye sees
    found = read_channels(tmp_path / "a.png", "linear").flatten()
    assert torch.allclose(found, torch.tensor([0.0, 0.5, 1.0, 55 / 255]), atol=0.002)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGBA"])
def test_every_kind_of_png_is_read_as_pillow_sees_it(tmp_path: Path, mode: str) -> None:
    converted = Image.fromarray(colours()).convert(mode)
    converted.save(tmp_path / "a.png")
    assert torch.equal(read_image(tmp_path / "a.png"), as_tensor(np.array(converted.convert("RGB"))))


@pytest.mark.parametrize(("name", "mode"), [("a.jpg", "CMYK"), ("a.jpg", "RGB"), ("a.webp", "RGB"), ("a.bmp", "RGB")])
def test_other_formats_are_read(tmp_path: Path, name: str, mode: str) -> None:
    plain = Image.new("RGB", (32, 24), (200, 100, 50))
    plain.convert(mode).save(tmp_path / name)
    found = read_image(tmp_path / name).mean((0, 2, 3)) * 255
    assert torch.allclose(found, torch.tensor([200.0, 100.0, 50.0]), atol=4)


def test_an_embedded_colour_profile_counts(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = Image.fromarray(colours())
    picture.save(tmp_path / "srgb.png", icc_profile=srgb)
    assert (read_image(tmp_path / "srgb.png") - as_tensor(colours())).abs().max() < 1.01 / 255
    picture.save(tmp_path / "damaged.png", icc_profile=profile[:40])
    assert torch.equal(read_image(tmp_path / "damaged.png"), as_tensor(colours()))


def test_a_colour_profile_counts_where_there_is_transparency_too(tmp_path: Path) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    wide = srgb.replace(b"\0\0\x6f\xa0", b"\0\0\x4f\xa0")  # another red primary
    assert wide != srgb
    picture = Image.fromarray(colours())
    picture.save(tmp_path / "opaque.png", icc_profile=wide)
    picture.putalpha(255)
    picture.save(tmp_path / "alpha.png", icc_profile=wide)
    opaque = read_image(tmp_path / "opaque.png")
    assert (opaque - as_tensor(colours())).abs().max() > 5 / 255
    assert torch.equal(read_image(tmp_path / "alpha.png"), opaque)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"hello there\nthis is text", "it is a text file."),
        (b"", "it is empty"),
        (b"PK\x03\x04" + bytes(20), "a zip archive"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),  # never handed to Ghostscript
        (b"\x00\x00\x00\x18ftypmp42" + bytes(20), "an mp4 or mov video; where it is the source, set `source.kind"),
        (b"\x1aE\xdf\xa3" + bytes(20), "WebM video; where it is the source, set `source.kind: video`"),
        (b"RIFF\0\0\0\0AVI LIST" + bytes(20), "an AVI video"),
        (b"\x00\x00\x00\x18ftypheic\0\0\0\0mif1heic" + bytes(20), "HEIC picture: `pip install 'zoomdream[heic]'"),
        (b"8BPS\0\1" + bytes(20), "a Photoshop file (PSD); save it as PNG"),
        (b"\xff\x0a" + bytes(20), "a JPEG XL picture; save it as PNG"),
        (b"%PDF-1.7", "a PDF; save it as PNG"),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing; save it as PNG"),
        (bytes(range(128, 256)), "its kind is unknown"),
    ],
)
def test_a_file_that_is_no_picture_is_called_what_it_is(tmp_path: Path, data: bytes, what: str) -> None:
    (tmp_path / "photo.png").write_bytes(data)
    with pytest.raises(InputError) as raised:
        read_image(tmp_path / "photo.png")
    assert "photo.png" in str(raised.value)
    assert what in str(raised.value)


def test_a_truncated_picture_is_damaged(tmp_path: Path) -> None:
    Image.fromarray(colours(60, 80)).save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:5000])
    with pytest.raises(InputError, match="damaged"):
        read_image(tmp_path / "a.png")


def test_a_palette_that_is_missing_is_damage(tmp_path: Path) -> None:
    Image.fromarray(colours()).convert("P").save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    at = data.index(b"PLTE") - 4
    (tmp_path / "a.png").write_bytes(data[:at] + data[at + 12 + struct.unpack(">I", data[at : at + 4])[0] :])
    with pytest.raises(InputError, match="damaged"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("size", [(16000, 6000), (8192, 8193)], ids=["far too many pixels", "a row too many"])
def test_a_bomb_is_refused_before_it_unpacks(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("1", size).save(tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size < 200_000
    with pytest.raises(InputError, match="64 megapixels"):
        read_image(tmp_path / "a.png")


def test_missing_files_and_folders_are_input_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"b\.png does not exist"):
        read_image(tmp_path / "b.png")
    with pytest.raises(InputError, match=r"is a folder, not a picture\. .* `source\.kind: frames`"):
        read_image(tmp_path)
    with pytest.raises(InputError, match=r"does not exist.* `source\.kind: frames`"):
        read_image(tmp_path / "shot_%04d.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes in folders")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "photo.png")
    with pytest.raises(InputError, match="not a regular file"):
        read_image(tmp_path / "photo.png")


def test_a_square_of_8192_pixels_is_one_of_64_megapixels(tmp_path: Path) -> None:
    """A picture's limit is that of a frame: 64 times 2**20, in every room."""
    from zoomdream.config.fields import LARGEST_AREA

    assert LARGEST_AREA == 8192 * 8192
    Image.new("1", (8192, 8192)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").shape == (1, 3, 8192, 8192)
