"""Picture files to (1, 3, H, W): by imageio's Pillow plugin, deep colour by OpenCV, and linear light (EXR, HDR,
PFM) by FFmpeg's libraries.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import warnings
from pathlib import Path
from typing import Any

import av
import imageio.v3 as iio
import numpy as np
import torch
from PIL import Image, ImageCms, UnidentifiedImageError
from torch import Tensor

from zoomdream.config.fields import LARGEST_AREA
from zoomdream.config.schema_source import Transfer
from zoomdream.errors import InputError, require_file
from zoomdream.source import tiff
from zoomdream.source.foreign import Refused, describe, is_raw
from zoomdream.source.icc import encode_srgb, to_srgb

LARGEST_FILE = 2**30
"""Bytes of the largest file that is read: as many as 64 megapixels of four 32 bit channels."""

# Only these: Pillow would also give EPS to Ghostscript, and try dozens of formats that nobody has looked at.
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "MPO", "PPM", "AVIF", "HEIF")

_LIGHT = {b"\x76\x2f\x31\x01": "exr_pipe", b"#?": "hdr_pipe", b"PF\n": "pfm_pipe", b"Pf\n": "pfm_pipe"}
"""FFmpeg's formats of pictures whose numbers are linear light, by how they begin."""

_DAMAGED = (
    OSError, SyntaxError, ValueError, RuntimeError, EOFError, MemoryError, TypeError, AttributeError, IndexError,
    av.FFmpegError,
)  # fmt: skip
"""What the libraries raise of damaged pictures."""

_Pixels = np.ndarray[tuple[int, ...], np.dtype[Any]]


def read_image(path: Path, background: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Tensor:
    """Read a picture as people see it, transparent parts over `background`, RGB in [0, 1].

    Returns (1, 3, H, W) float32 in [0, 1]. InputError as `read_channels`.
    """
    return _over(read_channels(path), background)


def read_channels(path: Path, transfer: Transfer = "auto") -> Tensor:
    """Read a picture as people see it: turned by its EXIF orientation, in sRGB.

    Grey, palette, CMYK, 16 bit and float pictures are understood, and keep their depth; of a TIFF the largest page, of
    an animation the first picture. Linear light becomes sRGB: that of EXR, HDR and PFM, and where `transfer` says so.
    A colour profile counts at any depth. transfer: what the numbers are; auto: what the file says.
    Returns (1, C, H, W) float32: grey, RGB, or RGB and alpha, by which it is not multiplied. Floats may be above 1.
    InputError if it is missing, not a picture, damaged or over 64 megapixels.
    """
    data = _read_bytes(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of sizes and damaged tags; the size is checked here
            if is_raw(data, path.suffix):
                raise UnidentifiedImageError
            kind = next((kind for start, kind in _LIGHT.items() if data.startswith(start)), None)
            values = _light(data, kind) if kind else _decode(data)
            if transfer == "linear" or (transfer == "auto" and kind):
                values[..., :3] = encode_srgb(values[..., :3].clip(0))  # alpha is no light
            return torch.from_numpy(values).permute(2, 0, 1)[None]
    except Refused as error:
        raise InputError(f"{path} is {error}.") from None
    except Image.DecompressionBombError:
        raise InputError(f"{path} has more than the 64 megapixels that are read.") from None
    except UnidentifiedImageError:
        raise InputError(f"{path} is not a picture that can be read: {describe(data, path.suffix)}.") from None
    except _DAMAGED as error:
        reason = str(error).splitlines()[0] if str(error) else "no data"
        raise InputError(f"{path} is damaged: {reason}.") from error


def _read_bytes(path: Path) -> bytes:
    try:
        require_file(path, "a picture")
    except InputError as error:
        numbered = re.search(r"%\d*d|##", path.name) is not None
        hint = " Numbered pictures make a clip: set `source.kind: frames`." if numbered or path.is_dir() else ""
        raise InputError(f"{error}{hint}") from None
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path} is larger than a picture can be ({LARGEST_FILE >> 20} MiB).")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error


def _check_size(width: int, height: int) -> None:
    if width * height > LARGEST_AREA:  # a few kilobytes can unpack to gigabytes
        raise Refused(f"{width}x{height}, more than the 64 megapixels that are read")


def _light(data: bytes, kind: str) -> _Pixels:
    """(H, W, 1, 3 or 4) float32, linear light, not multiplied by alpha."""
    with av.open(io.BytesIO(data), "r", format=kind) as file:
        stream = file.streams.video[0]
        _check_size(stream.codec_context.width, stream.codec_context.height)
        frame = next(file.decode(stream), None)
        if frame is None:
            raise ValueError("there is no picture in it")
        pixels = _halves(frame) if "f16" in frame.format.name else frame.to_ndarray()
    values = np.nan_to_num(pixels[..., None] if pixels.ndim == 2 else pixels, copy=False).astype(np.float32, copy=False)
    return _divided(values) if kind == "exr_pipe" else values


def _halves(frame: av.VideoFrame) -> _Pixels:
    """(H, W, C) float32 of an EXR's planes of 16 bit floats, which PyAV makes no array of."""
    numbers = np.dtype(">f2" if frame.format.name.endswith("be") else "<f2")
    planes = [
        np.frombuffer(plane, numbers).reshape(frame.height, -1)[:, : frame.width]  # type: ignore[call-overload]
        for plane in frame.planes
    ]
    order = (2, 0, 1, 3)[: len(planes)] if frame.format.name.startswith("gbr") else range(len(planes))
    return np.stack([planes[index] for index in order], -1).astype(np.float32)


def _divided(values: _Pixels) -> _Pixels:
    """RGB that was multiplied by its alpha, the fourth channel, as it was before."""
    if values.shape[2] == 4:
        values[..., :3] /= np.where(values[..., 3:] > 0, values[..., 3:], 1)
    return values


def _decode(data: bytes) -> _Pixels:
    """(H, W, 1, 3 or 4) float32 in [0, 1] or beyond, turned: grey, RGB, or RGB and alpha."""
    index, page = tiff.largest_page(data) if data[:4] in tiff.MARKS else (0, {})
    _check_size(*tiff.size(page))
    values, profile, orientation = None, page.get(tiff.PROFILE), page.get(tiff.ORIENTATION)
    if tiff.is_deep(page):
        pixels = tiff.stored(data, page)
        if pixels is None and tiff.is_rgb(page):
            pixels = _deep(tiff.upright(data), index)
        values = None if pixels is None else tiff.colors(pixels, page)
    if values is None:
        pixels, profile, orientation = _by_pillow(data, index)
        values = pixels.astype(np.float32)
        if pixels.dtype.kind == "f":
            np.nan_to_num(values, copy=False)
        else:
            values /= 255 if pixels.dtype == np.uint8 else 65535  # grey is 16 bit also where Pillow holds it in 32
        if pixels.dtype == np.uint8:  # converted already
            profile = None
        elif tiff.is_inverted(page):
            values = 1 - values
    if isinstance(profile, bytes):
        grey = profile[16:20] == b"GRAY"
        converted = to_srgb(values[..., :1] if grey else values[..., :3], profile)
        if converted is not None:
            values = np.dstack([np.broadcast_to(converted, values[..., :3].shape), values[..., 3:]])
    return np.ascontiguousarray(_turned(values, orientation))


def _by_pillow(data: bytes, index: int) -> tuple[_Pixels, object, object]:
    """A page as (H, W, 1, 3 or 4) whole numbers or floats; the colour profile that still counts; how it is turned."""
    Image.init()
    if data[4:8] == b"ftyp" and "HEIF" not in Image.OPEN:
        with contextlib.suppress(ImportError):  # the extra `heic`
            importlib.import_module("pillow_heif").register_heif_opener()
    with Image.open(io.BytesIO(data), formats=[name for name in FORMATS if name in Image.OPEN]) as opened:
        opened.seek(index)
        _check_size(*opened.size)
    with iio.imopen(data, "r", plugin="pillow") as file:
        facts = file.metadata(index=index)
        pixels = None
        if facts["mode"].startswith(("I", "F")):
            pixels = np.asarray(file.read(index=index))[..., None]
        elif data.startswith(b"\x89PNG") and data[24] == 16:
            pixels = _deep(data, 0)
        if pixels is None:
            pixels = _read_color(file, index, facts)
        # Of what is read already: Pillow turns TIFF by itself, and PNG may say so behind its pixels.
        return pixels, facts.get("icc_profile"), file.metadata(index=index, exclude_applied=False).get("Orientation")


def _deep(data: bytes, index: int) -> _Pixels | None:
    """(H, W, 3 or 4) of a page as it is stored, RGB; None where OpenCV cannot be loaded or cannot read it."""
    try:
        import cv2
    except ImportError:  # it or a library that it needs is missing
        return None
    try:
        there, pages = cv2.imdecodemulti(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED, range=(index, index + 1))
    except cv2.error:
        return None
    if not there or pages[0].ndim != 3:
        return None
    return np.asarray(pages[0])[..., [2, 1, 0, 3][: pages[0].shape[2]]]


def _read_color(file: Any, index: int, facts: Any) -> _Pixels:
    """(H, W, 3 or 4) uint8, by the colour profile where one is embedded (phones save Display P3)."""
    mode, profile = facts["mode"], facts.get("icc_profile")
    transparent = mode.endswith(("A", "a")) or "transparency" in facts
    plain = np.asarray(file.read(index=index, mode="RGBA" if transparent else "RGB"))
    with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):  # damaged: the numbers as they are
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile)) if isinstance(profile, bytes) else None
        space = source.profile.xcolor_space.strip() if source else ""
        if source and space in ("RGB", "GRAY", "CMYK") and (space == "CMYK") == (mode == "CMYK"):
            colors = file.read(index=index) if space == "CMYK" else plain[..., :3] if space == "RGB" else plain[..., 0]
            opaque = Image.fromarray(np.ascontiguousarray(colors), "CMYK" if space == "CMYK" else None)
            target = ImageCms.createProfile("sRGB")
            converted = np.asarray(ImageCms.profileToProfile(opaque, source, target, outputMode="RGB"))
            return np.dstack([converted, plain[..., 3:]])
    return plain


def _turned(pixels: _Pixels, orientation: object) -> _Pixels:
    """Apply the EXIF orientation, 1 to 8, to (H, W, C)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def _over(channels: Tensor, background: tuple[float, float, float]) -> Tensor:
    """(1, C, H, W) to (1, 3, H, W), transparent parts over a colour."""
    color, alpha = channels[:, :3], channels[:, 3:]
    if alpha.numel():
        color = alpha * color + (1 - alpha) * torch.tensor(background).view(3, 1, 1)
    return color.expand(-1, 3, -1, -1).clamp(0, 1).contiguous()
