"""Clips as lists of pictures: read through a raw pipe, and written without loss."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from bench.video import decoded_frames
from torch import Tensor

from zoomdream import ffmpeg
from zoomdream.ffmpeg import probe


def read(path: Path, size: tuple[int, int], frames: int) -> list[Tensor]:
    """The first `frames` pictures of a clip, each (1, 3, H, W), scaled to cover `size` (width, height) and cropped.

    InputError where ffmpeg cannot read it.
    """
    width, height = size
    cover = f"scale={width}:{height}:force_original_aspect_ratio=increase:flags=lanczos,crop={width}:{height}"
    decoded = decoded_frames(path, size, "-vf", cover, "-frames:v", str(frames))
    return [picture[None].float() / 255 for picture in decoded]


def rate(path: Path) -> Fraction:
    """Frames per second, as the file says; 25 where it says nothing."""
    return probe.probe(ffmpeg.executable(), path).fps or Fraction(25)


def write(path: Path, frames: Sequence[Tensor], fps: Fraction) -> Path:
    """A file (lossless H.264 of RGB, in MP4) that decodes to exactly these pictures, rounded to 8 bits."""
    height, width = frames[0].shape[-2:]
    command = [str(ffmpeg.executable()), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", f"{width}x{height}", "-framerate", str(fps), "-i", "-"]
    command += ["-c:v", "libx264rgb", "-crf", "0", "-preset", "ultrafast", "-f", "mp4"]
    data = b"".join(
        (frame[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).contiguous().numpy().tobytes() for frame in frames
    )
    subprocess.run([*command, str(path)], input=data, check=True)
    return path
