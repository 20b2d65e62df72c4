"""Finished videos, read back through ffmpeg: what a viewer sees is measured, not what went into the encoder."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from zoomdream import ffmpeg
from zoomdream.errors import InputError


def decoded_frames(path: Path, size: tuple[int, int], *options: str) -> Iterator[Tensor]:
    """Each frame of a video, (3, H, W) uint8 RGB, one at a time. `size` is (width, height); options: for ffmpeg.

    Raises InputError where the file ends within a frame or ffmpeg fails.
    """
    width, height = size
    command = [
        str(ffmpeg.executable()), *ffmpeg.QUIET, "-i", str(path), "-map", "0:v:0", "-fps_mode", "passthrough",
        "-sws_flags", "bicubic+accurate_rnd+full_chroma_int", *options, "-f", "rawvideo", "-pix_fmt", "rgb24", "-",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    assert process.stdout is not None
    try:
        while data := process.stdout.read(width * height * 3):
            if len(data) < width * height * 3:
                raise InputError(f"{path} ends within a frame of {width}x{height}")
            yield torch.frombuffer(bytearray(data), dtype=torch.uint8).view(height, width, 3).permute(2, 0, 1)
        if process.wait() != 0:
            raise InputError(f"ffmpeg cannot decode {path}")
    finally:
        process.stdout.close()
        process.kill()
        process.wait()


def frame_checksums(path: Path) -> list[str]:
    """The MD5 of each decoded frame, in the file's own pixel format."""
    command = [str(ffmpeg.executable()), *ffmpeg.QUIET, "-i", str(path), "-map", "0:v:0", "-f", "framemd5", "-"]
    lines = ffmpeg.run(command, what=f"Decoding {path}").splitlines()
    return [line.rpartition(",")[2].strip() for line in lines if line and not line.startswith("#")]
