"""How far a render is that may have been started before. Nothing is changed or locked."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from zoomdream.batch.parallel_shots.shots import parts_folder
from zoomdream.config.codecs import is_numbered
from zoomdream.errors import InputError, OutputError
from zoomdream.ffmpeg.probe import count_frames
from zoomdream.rendering.job import Job
from zoomdream.rendering.owner import find
from zoomdream.rendering.workspace import working_folder


@dataclass(frozen=True, slots=True)
class Seen:
    """finished: the file is there, of this very config, and whole, and nothing else; damaged: of this config, but not
    whole; kept: how many frames need not be done again.
    """

    finished: bool = False
    damaged: bool = False
    kept: int = 0


def inspect(job: Job) -> Seen:
    """How far a render is. Raises ConfigError and OutputError for what is in its way."""
    found = find(job)
    if not found.finished:
        return Seen(kept=found.kept)
    if not _is_whole(job):
        return Seen(damaged=True)
    # Killed while it tidied up: whoever renders it has nothing to do but that.
    untidy = working_folder(job.output).exists() or parts_folder(job.output).exists()
    return Seen(kept=job.frames) if untidy else Seen(finished=True)


def _is_whole(job: Job) -> bool:
    """Whether a file of the right config holds all its frames: one that was cut short still says what made it."""
    if job.settings.codec in ("gif", "webp", "png"):  # their configs lie beside them and say nothing about them
        numbers = range(job.frames) if is_numbered(job.output) else ()
        paths = [job.output.with_name(job.output.name % number) for number in numbers]
        return all(_ends_well(path) for path in paths or [job.output])
    try:
        return count_frames(job.settings.program, job.output) == job.frames
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
