"""What the tests of the render loop share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from rendering import Rendering

from zoomdream.media import ffmpeg


@pytest.fixture
def start() -> Callable[[Path, int, float], Rendering]:
    """Start a synthetic render: output, frames, seconds per frame."""
    return Rendering


@pytest.fixture
def decoded() -> Callable[[Path], list[str]]:
    """The checksum of each decoded frame of a video."""

    def read(path: Path) -> list[str]:
        command = [str(ffmpeg.executable()), *ffmpeg.QUIET, "-i", str(path), "-map", "0:v:0", "-f", "framemd5", "-"]
        lines = ffmpeg.run(command, what="decoding").splitlines()
        return [line.split(",")[-1].strip() for line in lines if not line.startswith("#")]

    return read
