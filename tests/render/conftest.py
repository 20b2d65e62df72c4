"""What the tests of the render loop share."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zoomdream.media import ffmpeg

sys.path.append(str(Path(__file__).parent))  # for synthetic.py, which other processes import as well


class Rendering:
    """A synthetic render in a process of its own."""

    def __init__(self, output: Path, frames: int, pause: float) -> None:
        import synthetic

        # A fork server, because a fresh process would import torch for seconds, and forks of this one inherit its
        # threads.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["zoomdream.render"])
        self._said, told = context.Pipe(duplex=False)
        self._process = context.Process(target=synthetic.tell, args=(told, output, frames, pause))
        self._process.start()
        told.close()
        self.pid = self._process.pid

    def wait_for(self, text: str) -> str:
        """The first line with `text` in it, or "" if the process ended without."""
        try:
            while text not in (line := str(self._said.recv())):
                pass
        except EOFError:
            return ""
        return line

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self._said.close()

    def end(self) -> str:
        """Wait for the end: "done", or the error."""
        lines = [""]
        try:
            while True:
                lines.append(str(self._said.recv()))
        except EOFError:
            self._process.join()
            self._said.close()
        return lines[-1]


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
