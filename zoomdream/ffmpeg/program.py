"""The ffmpeg program: where it is, its version, its encoders."""

from __future__ import annotations

import contextlib
import shutil
from functools import lru_cache
from pathlib import Path

from zoomdream.errors import OutputError
from zoomdream.ffmpeg.process import QUIET, run


def executable(which: str = "bundled") -> Path:
    """The ffmpeg to run: "bundled" (imageio-ffmpeg's) or "path" (the first on PATH). OutputError if absent."""
    if which == "path":
        found = shutil.which("ffmpeg")
        if found is None:
            text = "there is no ffmpeg on PATH, which `path` asks for; install one, or set `ffmpeg: bundled`."
            raise OutputError(text, key="encode.ffmpeg")
        return Path(found)
    import imageio_ffmpeg  # here, so that importing this module never searches the disk

    try:
        return Path(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        text = "imageio-ffmpeg has none for this machine; install ffmpeg and set `ffmpeg: path`."
        raise OutputError(text, key="encode.ffmpeg") from error


def version(program: Path) -> str:
    """The version that ffmpeg prints about itself, e.g. "7.1". The same program is asked once in a process."""
    with contextlib.suppress(OSError):
        return _version(program, program.stat().st_mtime_ns)
    return _version(program, 0)


@lru_cache(maxsize=4)
def _version(program: Path, changed: int) -> str:
    words = run([str(program), "-version"], what="asking ffmpeg for its version").split()
    return words[2] if words[:2] == ["ffmpeg", "version"] else "unknown"


def encoders(program: Path) -> list[str]:
    """The encoders that an ffmpeg was built with, whether they work or not, among other words."""
    return run([str(program), *QUIET, "-encoders"], what="asking ffmpeg for its encoders").split()
