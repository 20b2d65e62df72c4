"""Animated WebP, which FFmpeg's decoder leaves out, by Pillow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame
from PIL import Image, ImageSequence

TICK = Fraction(1, 1000)
"""Seconds in which its durations are counted."""

_ANIMATED = 0x02  # of the flags in the chunk VP8X


def animated_size(path: Path) -> tuple[int, int] | None:
    """(height, width) of an animated WebP; None of any other file, also one that cannot be read."""
    head = b""
    with suppress(OSError), path.open("rb") as file:
        head = file.read(30)
    if len(head) < 30 or head[:4] + head[8:16] != b"RIFFWEBPVP8X" or not head[20] & _ANIMATED:
        return None
    return int.from_bytes(head[27:30], "little") + 1, int.from_bytes(head[24:27], "little") + 1


def decode_webp(path: Path, complaints: list[str]) -> Iterator[tuple[VideoFrame, int, int]]:
    """Its frames, composed, each with its time and duration in ticks. Ends where it is damaged; says so."""
    time = 0
    try:
        with Image.open(path, formats=["WEBP"]) as file:
            for picture in ImageSequence.Iterator(file):
                pixels = np.asarray(picture.convert("RGBA"))
                duration = int(picture.info.get("duration", 0))
                yield VideoFrame.from_ndarray(pixels, "rgba"), time, duration
                time += duration
    except (OSError, ValueError, SyntaxError, EOFError, RuntimeError, MemoryError) as error:
        complaints.append(str(error) or "a frame is damaged")
