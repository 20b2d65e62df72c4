"""Whose the output is: what is at its place and in its working folder. Nothing is changed or locked here."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zoomdream.config.codecs import is_numbered
from zoomdream.encode import metadata
from zoomdream.errors import ConfigError, OutputError
from zoomdream.machine.files import read_regular
from zoomdream.rendering.job import Job, numbers
from zoomdream.rendering.recording import Recording
from zoomdream.rendering.run import Run, read_run
from zoomdream.rendering.state_file import STATE_FILE
from zoomdream.rendering.workspace import working_folder

Owner = Literal["nobody", "this render", "this render in part", "another config", "another program"]
"""In part: numbered pictures, some of which are missing."""

_REMEDY = "Give another output, move that away, or let `zoomdream render --restart` replace it."


@dataclass(frozen=True, slots=True)
class Found:
    """What there is of a render. owner: of the output; run: that was started, of which `kept` frames need not be done
    again; finished: the output is there, and there is nothing to go on with.
    """

    owner: Owner
    run: Run | None
    kept: int
    finished: bool


def find(job: Job, *, restart: bool = False) -> Found:
    """What there is of a render. Raises ConfigError for what it may not replace; with `restart` it may replace all but
    a config. OutputError if a folder is in the way.
    """
    folder, owner = working_folder(job.output), output_owner(job)
    _check_sidecar(job.output)
    run = None if restart else read_run(folder)
    if run is not None and run.fingerprint != job.fingerprint:
        if (folder / STATE_FILE).exists():
            raise ConfigError(f"{folder} holds the unfinished render of another config. {_REMEDY}")
        run = None  # it was killed before its first segment was finished
    if owner in ("another config", "another program") and not restart:
        if run is None:
            raise ConfigError(f"{job.output} exists and was made by {owner}. {_REMEDY}")
        if not run.overwrite:
            raise ConfigError(f"{job.output} appeared while this render was stopped. {_REMEDY}")
    kept = 0 if run is None else Recording(folder, job.settings, job.frames, 0, job.frames).kept()
    return Found(owner, run, kept, finished=owner == "this render" and run is None and not restart)


def output_owner(job: Job) -> Owner:
    """Who made what is at the output's place. OutputError if a folder is in the way."""
    output, numbered = job.output, is_numbered(job.output)
    if not numbered and output.is_dir():
        raise OutputError(f"{output} is a folder; the output must be a file.")
    if not (numbers(output) if numbered else output.exists()):
        return "nobody"
    origin = metadata.read_origin(job.settings.program, output)
    if origin is None:
        return "another program"
    if origin.fingerprint != job.fingerprint:
        return "another config"
    return "this render in part" if numbered and not set(range(job.frames)) <= numbers(output) else "this render"


def _check_sidecar(output: Path) -> None:
    """ConfigError if a file that is not ours, a config perhaps, is where OUTPUT.yaml goes. Never overwritten."""
    beside = metadata.sidecar(output)
    if beside is None or not os.path.lexists(beside):
        return
    try:
        ours = metadata.parse_origin(read_regular(beside)) is not None
    except (OSError, UnicodeDecodeError):
        ours = False
    if not ours:
        raise ConfigError(
            f"the config of {output} would be written to {beside}, which was not made by a render. "
            "Choose another output, or move that file away.",
            key="output",
        )
