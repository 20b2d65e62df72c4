"""Clips for tests, made by ffmpeg: frames that show their own number, files of every kind."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import torch

from zoomdream import ffmpeg

PROGRAM = ffmpeg.executable()
SIZE = (48, 64)
_BITS = 8


def run(*arguments: object, data: bytes = b"") -> None:
    """Run ffmpeg, quietly; it must succeed."""
    command = [str(PROGRAM), "-y", "-v", "error", *map(str, arguments)]
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def numbered(count: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """(N, H, W, 3) frames of 8 bit RGB over a texture; the lowest rows show their number as black and white bars."""
    height, width = size
    texture = np.random.default_rng(0).integers(60, 120, (height, width, 3))
    column = np.arange(width) * _BITS // width
    frames = []
    for number in range(count):
        bars = (number >> column & 1) * 120
        frame = texture.copy()
        frame[-(height // 8) :] += bars[None, :, None]
        frames.append(frame)
    return np.stack(frames).astype(np.uint8)


def number_of(picture: torch.Tensor) -> int:
    """The number that a frame of `numbered` shows."""
    height, width = picture.shape[-2:]
    bars = picture[0, :, -(height // 10) :].mean((0, 1)).view(_BITS, width // _BITS).mean(1)
    return sum(1 << place for place in range(_BITS) if bars[place] > 0.6)


def encode(path: Path, frames: np.ndarray, *options: object, fps: object = 25) -> Path:
    """Encode (N, H, W, 3) 8 bit RGB; lossless FFV1 where the options name no codec. `options` go before the path."""
    height, width = frames.shape[1:3]
    codec = [] if "-c:v" in options or "-c" in options else ["-c:v", "ffv1", "-pix_fmt", "bgr0"]
    run(
        "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", fps, "-i", "-", *codec, *options, path,
        data=frames.tobytes(),
    )  # fmt: skip
    return path


def encode_yuv(path: Path, planes: np.ndarray, pixel_format: str, tags: dict[str, str], count: int = 2) -> Path:
    """Encode (3, H, W) planes of YUV without loss and without touching a value; `tags` are those of setparams.

    Of yuv420p every second value of the colours is taken.
    """
    height, width = planes.shape[1:]
    half = 2 if pixel_format.startswith("yuv420") else 1
    data = planes[0].tobytes() + planes[1:, ::half, ::half].tobytes()
    marks = ":".join(f"{name}={value}" for name, value in tags.items())
    span = ["-color_range", tags["range"]] if "range" in tags else []
    run(
        "-f", "rawvideo", "-pix_fmt", pixel_format, "-s", f"{width}x{height}", "-r", 25, "-i", "-",
        *(["-vf", f"setparams={marks}"] if marks else []), *span, "-c:v", "ffv1", path,
        data=data * count,
    )  # fmt: skip
    return path
