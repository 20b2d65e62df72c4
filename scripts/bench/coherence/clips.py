"""Clips as lists of pictures: read through a raw pipe, written without loss, and where they cut."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from zoomdream import ffmpeg
from zoomdream.errors import InputError
from zoomdream.ffmpeg import probe

# A cut: this far from the frame before (mean difference of small pictures), and this many times further than its
# neighbours are from theirs. The six cuts of two known clips are 0.18 to 0.37, and 8 to 70 times their neighbours; a
# cyclist who fills the picture within a frame is 0.19, and so are the frames beside it.
_CUT_DIFFERENCE, _CUT_FACTOR = 0.06, 3.0
_SMALL = (18, 32)


def read(path: Path, size: tuple[int, int], frames: int) -> list[Tensor]:
    """The first `frames` pictures of a clip, each (1, 3, H, W), scaled to cover `size` (width, height) and cropped.

    InputError where ffmpeg cannot read it.
    """
    width, height = size
    cover = f"scale={width}:{height}:force_original_aspect_ratio=increase:flags=lanczos,crop={width}:{height}"
    command = [str(ffmpeg.executable()), "-nostdin", "-v", "error", "-i", str(path), "-map", "0:v:0", "-vf", cover]
    command += ["-fps_mode", "passthrough", "-frames:v", str(frames), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode or not done.stdout:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no pictures"]
        raise InputError(f"{path}: {lines[-1]}")
    pixels = np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width, 3)
    return [torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255 for picture in pixels]


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


def cuts(frames: Sequence[Tensor]) -> tuple[int, ...]:
    """The numbers of the frames with which new shots begin, by a rule of its own: the picture changes all at once."""
    small = [F.interpolate(frame, size=_SMALL, mode="area") for frame in frames]
    changes = [float((now - before).abs().mean()) for before, now in pairwise(small)]
    found = []
    for index, change in enumerate(changes):
        neighbours = [*changes[max(index - 2, 0) : index], *changes[index + 1 : index + 3]]
        if change > _CUT_DIFFERENCE and change > _CUT_FACTOR * max(neighbours, default=0.0):
            found.append(index + 1)
    return tuple(found)
