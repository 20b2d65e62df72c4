"""What the tests of the render loop share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
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


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """A small file system: call it with its size in kilobytes, again to make it larger."""
    folder = tmp_path / "disk"
    mounted = False

    def sized(kilobytes: int) -> Path:
        nonlocal mounted
        if sys.platform != "linux" or os.geteuid() != 0:
            pytest.skip("only root may mount")
        folder.mkdir(exist_ok=True)
        options = f"size={kilobytes}k" + (",remount" if mounted else "")
        if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True).returncode:
            pytest.skip("mounting is not allowed here")
        mounted = True
        return folder

    yield sized
    if mounted:
        subprocess.run(["umount", folder], check=True)
