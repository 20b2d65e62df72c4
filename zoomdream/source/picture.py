"""Picture files to (1, 3, H, W), by imageio: its Pillow plugin, and for 16 bits of colour OpenCV's."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import torch
from PIL import Image, ImageCms, UnidentifiedImageError
from torch import Tensor

from zoomdream.config.fields import LARGEST_AREA
from zoomdream.config.schema_render import Transfer
from zoomdream.errors import InputError, require_file

LARGEST_FILE = 2**30
"""Bytes of the largest file that is read: as many as 64 megapixels of four 32 bit channels."""

# Only these: Pillow would also give EPS to Ghostscript, and try dozens of formats that nobody has looked at.
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "MPO", "PPM", "AVIF")

_SIGNATURES = (
    (b"%PDF", "a PDF"),
    (b"%!PS", "PostScript"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (b"RIFF", "a RIFF file (a video or a sound)"),
    (b"ID3", "an mp3"),
    (b"OggS", "an Ogg file"),
    (b"\x7fELF", "a program"),
    (b"\x89HDF", "an HDF5 file"),
)

_Pixels = np.ndarray[tuple[int, ...], np.dtype[Any]]


def read_image(path: Path, background: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Tensor:
    """Read a picture as people see it, transparent parts over `background`, RGB in [0, 1].

    Returns (1, 3, H, W) float32 in [0, 1]. InputError as `read_channels`.
    """
    return _over(read_channels(path), background)


def read_channels(path: Path, transfer: Transfer = "auto") -> Tensor:
    """Read a picture as people see it: turned by its EXIF orientation, in sRGB.

    Grey, palette, CMYK and 16 bit pictures are understood. Grey of 16 bits keeps its depth, and PNG in colour where
    OpenCV can be loaded. transfer: what the numbers are; auto: what the file says.
    Returns (1, C, H, W) float32: grey, RGB, or RGB and alpha, by which it is not multiplied. Floats may be above 1.
    InputError if it is missing, not a picture, damaged or over 64 megapixels.
    """
    data = _read_bytes(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of sizes and damaged tags; the size is checked here
            Image.init()
            with Image.open(io.BytesIO(data), formats=[name for name in FORMATS if name in Image.OPEN]) as opened:
                width, height = opened.size
            if width * height > LARGEST_AREA:  # a few kilobytes can unpack to gigabytes
                raise InputError(f"{path} is {width}x{height}, more than the 64 megapixels that are read.")
            channels = torch.from_numpy(_decode(data)).permute(2, 0, 1)[None]
            return _as_srgb(channels) if transfer == "linear" else channels
    except Image.DecompressionBombError:
        raise InputError(f"{path} has more than the 64 megapixels that are read.") from None
    except UnidentifiedImageError:
        raise InputError(f"{path} is not a picture that can be read: {describe(data)}.") from None
    except (OSError, SyntaxError, ValueError, RuntimeError, EOFError, MemoryError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[0] if str(error) else "no data"
        raise InputError(f"{path} is damaged: {reason}.") from error


def describe(data: bytes) -> str:
    """What a file that is no picture seems to be, from its first bytes."""
    if not data:
        return "it is empty"
    if data[4:8] == b"ftyp":
        return "it is an mp4, mov or HEIC file"
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return f"it is {name}"
    try:
        head = data[:400].decode("utf-8", "strict" if len(data) <= 400 else "ignore")
    except UnicodeDecodeError:
        head = "\0"
    if all(letter.isprintable() or letter.isspace() for letter in head):
        return f"it is a text file that begins with {head.strip()[:30]!r}"
    return "its kind is unknown; PNG, JPEG, WebP, TIFF, BMP and GIF can be read"


def _read_bytes(path: Path) -> bytes:
    try:
        require_file(path, "a picture")
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path} is larger than a picture can be ({LARGEST_FILE >> 20} MiB).")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error


def _decode(data: bytes) -> _Pixels:
    """(H, W, 1, 3 or 4) float32 in [0, 1], turned: grey, RGB, or RGB and alpha."""
    with iio.imopen(data, "r", plugin="pillow") as file:
        facts = file.metadata(index=0)
        mode = facts["mode"]
        if mode.startswith(("I", "F")):
            pixels = file.read(index=0)[..., None]
        else:
            transparent = "a" in mode.lower() or "transparency" in facts
            pixels = _read_color(file, mode, "RGBA" if transparent else "RGB", facts.get("icc_profile"))
            if data.startswith(b"\x89PNG") and data[24] == 16:
                with contextlib.suppress(ImportError):  # OpenCV or a library that it needs is missing
                    pixels = iio.imread(data, plugin="opencv", index=0, flags=-1)  # cv2.IMREAD_UNCHANGED
        # Of what is read already: Pillow turns TIFF by itself, and PNG may say so behind its pixels.
        orientation = file.metadata(index=0, exclude_applied=False).get("Orientation")
    values = _turned(pixels, orientation).astype(np.float32)
    if pixels.dtype.kind == "f":
        return np.nan_to_num(values, copy=False)
    values /= 255 if pixels.dtype == np.uint8 else 65535  # grey is 16 bit also where Pillow holds it in 32
    return values


def _read_color(file: Any, mode: str, wanted: str, profile: object) -> _Pixels:
    """(H, W, 3 or 4) uint8 in `wanted`, by the colour profile where one is embedded (phones save Display P3)."""
    if isinstance(profile, bytes) and (mode == "RGBA" or (mode in ("RGB", "CMYK", "L") and wanted == "RGB")):
        pixels = file.read(index=0)
        colors = pixels[..., :3] if mode == "RGBA" else pixels
        opaque = Image.frombytes(mode.removesuffix("A"), colors.shape[1::-1], colors.tobytes())
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):  # damaged: the numbers as they are
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = np.asarray(ImageCms.profileToProfile(opaque, source, target, outputMode="RGB"))
            return np.dstack([converted, pixels[..., 3:]]) if mode == "RGBA" else converted
    return np.asarray(file.read(index=0, mode=wanted))


def _turned(pixels: _Pixels, orientation: object) -> _Pixels:
    """Apply the EXIF orientation, 1 to 8, to (H, W, C)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def _as_srgb(channels: Tensor) -> Tensor:
    """Linear light to sRGB (IEC 61966-2-1), (1, C, H, W); alpha, the fourth, is no light."""
    light = channels[:, :3].clamp(min=0)
    encoded = torch.where(light <= 0.0031308, 12.92 * light, 1.055 * light.pow(1 / 2.4) - 0.055)
    return torch.cat([encoded, channels[:, 3:]], 1)


def _over(channels: Tensor, background: tuple[float, float, float]) -> Tensor:
    """(1, C, H, W) to (1, 3, H, W), transparent parts over a colour."""
    color, alpha = channels[:, :3], channels[:, 3:]
    if alpha.numel():
        color = alpha * color + (1 - alpha) * torch.tensor(background).view(3, 1, 1)
    return color.expand(-1, 3, -1, -1).clamp(0, 1).contiguous()
