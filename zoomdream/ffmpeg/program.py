"""The ffmpeg program: where it is, its version, its encoders."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

from zoomdream.errors import OutputError
from zoomdream.ffmpeg.process import QUIET, run

OLDEST = (5, 1)
"""The oldest ffmpeg that will do, of July 2022: the first that knows -fps_mode."""
VARIABLE = "IMAGEIO_FFMPEG_EXE"
_LIBRARIES = (57, 28)
"""What libavutil calls itself in the oldest ffmpeg, for programs built from its sources, whose version is a hash."""
_PATIENCE = 30.0


def executable(which: str = "bundled") -> Path:
    """The ffmpeg to run: "bundled" (imageio-ffmpeg's, or what its variable names) or "path" (the first on PATH).

    OutputError about `encode.ffmpeg` if it is absent, no ffmpeg, or too old: with who chose it, and what to do.
    """
    program = _chosen(which)
    if wrong := _wrong(program, _changed(program)):
        oldest = f"ffmpeg {'.'.join(map(str, OLDEST))} or newer"
        if which == "path":
            text = f"the ffmpeg on PATH, {program}, {wrong}. Install {oldest}, or set `encode.ffmpeg: bundled`."
        elif os.environ.get(VARIABLE):
            named = f"the environment variable {VARIABLE} chooses {os.environ[VARIABLE]}, which {wrong}"
            text = f"{named}. Unset it to use the one that comes with zoomdream, or let it name {oldest}."
        else:
            text = f"imageio-ffmpeg's {program} {wrong}. Install {oldest}, and set `encode.ffmpeg: path`."
        raise OutputError(text, key="encode.ffmpeg")
    return program


def _chosen(which: str) -> Path:
    if which == "path":
        found = shutil.which("ffmpeg")
        if found is None:
            text = "there is no ffmpeg on PATH, which `path` asks for; install one, or set `ffmpeg: bundled`."
            raise OutputError(text, key="encode.ffmpeg")
        return Path(found)
    import imageio_ffmpeg  # here, so that importing this module never searches the disk

    try:
        program = imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        text = "imageio-ffmpeg has none for this machine; install ffmpeg and set `ffmpeg: path`."
        raise OutputError(text, key="encode.ffmpeg") from error
    return Path(shutil.which(program) or program)  # the variable may just say "ffmpeg"


def version(program: Path) -> str:
    """The version that ffmpeg prints about itself, e.g. "7.1". The same program is asked once in a process."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        words = _about(program, _changed(program)).split()
        return words[2] if words[:2] == ["ffmpeg", "version"] else "unknown"
    return "unknown"


def is_ours(program: Path) -> bool:
    """Whether it is the one that comes with imageio-ffmpeg, which has all that is needed."""
    return "imageio_ffmpeg" in program.parts


def encoders(program: Path) -> list[str]:
    """The encoders that an ffmpeg was built with, whether they work or not, among other words."""
    return run([str(program), *QUIET, "-encoders"], what="asking ffmpeg for its encoders").split()


def _wrong(program: Path, changed: int) -> str | None:
    """What is wrong with a program, as the end of a sentence about it; None if it will do."""
    if not program.exists():
        return "does not exist"
    try:
        said = _about(program, changed)
    except OSError as error:
        return f"does not start ({error.strerror or error})"
    except subprocess.TimeoutExpired:
        return f"does not tell its version within {_PATIENCE:g} seconds"
    if not said.startswith("ffmpeg version"):
        return "is no ffmpeg"
    numbered = re.match(r"ffmpeg version n?(\d{1,2})\.(\d+)", said)
    library = re.search(r"^libavutil\s+(\d+)\.\s*(\d+)", said, re.MULTILINE)
    for found, oldest in ((numbered, OLDEST), (library, _LIBRARIES)):
        if found:
            old = (int(found[1]), int(found[2])) < oldest
            return f"is too old (version {version(program)})" if old else None
    return None  # one that hides its age: what it lacks is told when it is asked for


def _changed(program: Path) -> int:
    with contextlib.suppress(OSError):
        return program.stat().st_mtime_ns
    return 0


@lru_cache(maxsize=4)
def _about(program: Path, changed: int) -> str:
    """What a program prints when it is asked for its version."""
    asked = subprocess.run(
        [str(program), "-version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE, check=False
    )
    return asked.stdout.decode("utf-8", "replace")
