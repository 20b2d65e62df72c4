"""Picture files to (1, 3, H, W). The only way a picture enters."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from torch import Tensor

from zoomdream import ffmpeg
from zoomdream.errors import InputError

LARGEST = 64 * 2**20
"""Pixels of the largest picture that is read: 64 megapixels. A few kilobytes can unpack to gigabytes."""

LARGEST_FILE = 2**30
"""Bytes of the largest file that is read: as many as 64 megapixels of four 32 bit channels."""

# Only these: Pillow would also hand EPS to Ghostscript, and try dozens of formats that nobody has looked at.
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


def read_image(path: Path, background: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Tensor:
    """Read a picture as people see it: turned by its EXIF orientation, in sRGB, transparent parts over `background`.

    Grey, palette, CMYK and 16 bit pictures are understood; 16 bit keep their depth. background is RGB in [0, 1].
    Returns (1, 3, H, W) float32 in [0, 1]. InputError if it is missing, not a picture, damaged or over 64 megapixels.
    """
    data = _read_bytes(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of sizes and damaged tags; the size is checked here
        try:
            with Image.open(io.BytesIO(data), formats=_formats()) as opened:
                width, height = opened.size
                if width * height > LARGEST:
                    raise InputError(f"{path} is {width}x{height}, more than the 64 megapixels that are read.")
                channels = _channels(opened, data)
        except Image.DecompressionBombError:
            raise InputError(f"{path} has more than the 64 megapixels that are read.") from None
        except UnidentifiedImageError:
            raise InputError(f"{path} is not a picture that can be read: {describe(data)}.") from None
        except (OSError, SyntaxError, ValueError, RuntimeError, EOFError, MemoryError, TypeError) as error:
            reason = str(error).splitlines()[0] if str(error) else "no data"
            raise InputError(f"{path} is damaged: {reason}.") from error
    return _over(channels, background)


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
        if path.exists() and not path.is_file() and not path.is_dir():  # a pipe or a device may never end
            raise InputError(f"{path} is not a regular file.")
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path} is larger than a picture can be ({LARGEST_FILE >> 20} MiB).")
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist.") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder, not a picture.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error


def _formats() -> list[str]:
    """Those of FORMATS that this Pillow knows."""
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _channels(opened: Image.Image, data: bytes) -> Tensor:
    """(3 or 4, H, W) float32 in [0, 1], RGB or RGB and alpha."""
    if data.startswith(b"\x89PNG") and data[24] == 16 and opened.mode != "I;16":
        return _turned(opened, _deep_color(data, *opened.size))
    if opened.mode.startswith(("I", "F")):
        return _turned(opened, _deep_grey(opened)).expand(3, -1, -1)
    transparent = "A" in opened.getbands() or "a" in opened.getbands() or "transparency" in opened.info
    picture = _in_srgb(ImageOps.exif_transpose(opened), "RGBA" if transparent else "RGB")
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255


def _deep_color(data: bytes, width: int, height: int) -> Tensor:
    """(4, H, W) in [0, 1] of a 16 bit PNG in colour, of which Pillow keeps only the upper 8 bits."""
    command = [str(ffmpeg.executable()), *ffmpeg.QUIET, "-noautorotate", "-f", "png_pipe", "-i", "pipe:0"]
    values = np.frombuffer(
        ffmpeg.filter_bytes([*command, "-f", "rawvideo", "-pix_fmt", "rgba64le", "-"], data, what="Reading a PNG"),
        "<u2",
    )
    if values.size != 4 * width * height:
        raise ValueError("it ends too early")
    return torch.from_numpy(values.astype(np.float32) / 65535).view(height, width, 4).permute(2, 0, 1)


def _deep_grey(opened: Image.Image) -> Tensor:
    """(1, H, W) in [0, 1]; integers are 16 bit, also where Pillow holds them in 32."""
    values = torch.from_numpy(np.array(opened).astype(np.float32))[None]
    return values.nan_to_num() if opened.mode.startswith("F") else values / 65535


def _turned(opened: Image.Image, channels: Tensor) -> Tensor:
    """Apply the EXIF orientation, 1 to 8, to (C, H, W)."""
    orientation = opened.getexif().get(0x0112, 1)
    if orientation in (5, 6, 7, 8):
        channels = channels.transpose(1, 2)
    if orientation in (2, 3, 6, 7):
        channels = channels.flip(2)
    if orientation in (3, 4, 7, 8):
        channels = channels.flip(1)
    return channels


def _in_srgb(picture: Image.Image, mode: str) -> Image.Image:
    """Convert to `mode`; where a colour profile is embedded (phones save Display P3), by that profile."""
    profile = picture.info.get("icc_profile")
    alpha = picture.getchannel("A") if picture.mode == "RGBA" else None
    if profile and (alpha or (picture.mode in ("RGB", "CMYK", "L") and mode == "RGB")):
        opaque = picture.convert("RGB") if alpha else picture
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(opaque, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None  # a damaged profile: the numbers as they are
        if converted is not None:
            if alpha:
                converted.putalpha(alpha)
            return converted
    return picture.convert(mode)


def _over(channels: Tensor, background: tuple[float, float, float]) -> Tensor:
    color, alpha = channels[:3], channels[3:]
    if alpha.numel():
        color = alpha * color + (1 - alpha) * torch.tensor(background).view(3, 1, 1)
    return color[None].clamp(0, 1).contiguous()
