"""How far a render is that may have been started before. Nothing is changed or locked."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from zoomdream.batch.parallel_shots.shots import parts_folder
from zoomdream.encode.metadata import is_numbered
from zoomdream.errors import ConfigError, InputError, OutputError
from zoomdream.ffmpeg.probe import count_frames
from zoomdream.rendering.deliver import occupant, working_folder
from zoomdream.rendering.job import Job
from zoomdream.rendering.run import FILE as RUN_FILE
from zoomdream.rendering.run import parse_run
from zoomdream.rendering.workspace import STATE_FILE

_REMEDY = "Give another output, or move that away; `zoomdream render --restart` replaces it."


@dataclass(frozen=True, slots=True)
class Seen:
    """finished: the file is there, of this very config, and whole, and nothing else; damaged: of this config, but not
    whole; kept: how many frames need not be done again.
    """

    finished: bool = False
    damaged: bool = False
    kept: int = 0


def look(job: Job) -> Seen:
    """How far a render is. Raises OutputError if a folder is in the way, and ConfigError if something else is there."""
    program, folder = job.settings.program, working_folder(job.output)
    kept = _kept(folder)
    if _begun(folder, job):
        return Seen(kept=kept)
    found = occupant(program, job.output, job.frames, job.fingerprint)
    if found == job.fingerprint:
        if not _is_whole(program, job):
            return Seen(damaged=True)
        # Killed while it tidied up: whoever renders it has nothing to do but that.
        untidy = folder.exists() or parts_folder(job.output).exists()
        return Seen(kept=job.frames) if untidy else Seen(finished=True)
    if kept:
        raise ConfigError(f"{folder} holds the unfinished render of another config. {_REMEDY}")
    if found in (None, "incomplete"):
        return Seen()
    maker = "another config" if found else "another program"
    raise ConfigError(f"{job.output} exists and was made by {maker}. {_REMEDY}")


def _begun(folder: Path, job: Job) -> bool:
    try:
        return parse_run((folder / RUN_FILE).read_text(encoding="utf-8")).fingerprint == job.fingerprint
    except (OSError, ValueError):
        return False


def _kept(folder: Path) -> int:
    try:
        with safe_open(folder / STATE_FILE, framework="pt") as file:
            return int(file.metadata()["index"]) + 1
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return 0


def _is_whole(program: Path, job: Job) -> bool:
    """Whether a file of the right config holds all its frames: one that was cut short still says what made it."""
    if job.settings.codec in ("gif", "webp", "png"):  # their configs lie beside them and say nothing about them
        numbers = range(job.frames) if is_numbered(job.output) else ()
        paths = [job.output.with_name(job.output.name % number) for number in numbers]
        return all(_ends_well(path) for path in paths or [job.output])
    try:
        return count_frames(program, job.output) == job.frames
    except (InputError, OutputError):
        return False


def _ends_well(picture: Path) -> bool:
    """Whether a GIF, WebP or PNG has its end; to count frames would take as long as to decode them."""
    with picture.open("rb") as file:
        head, length = file.read(8), file.seek(0, os.SEEK_END)
        file.seek(max(0, length - 8))
        tail = file.read()
    match head[:4]:
        case b"GIF8":
            return tail.endswith(b";")
        case b"RIFF":
            return int.from_bytes(head[4:], "little") + 8 == length
        case _:
            return tail[:4] == b"IEND"
