"""Whose the output is: what is at its place and in its working folder. Nothing is changed or locked here."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal

from zoomdream.config.codecs import is_numbered
from zoomdream.config.origin import Place, shown
from zoomdream.config.read_yaml import read_yaml
from zoomdream.config.write import flat
from zoomdream.encode import metadata
from zoomdream.errors import ConfigError, OutputError
from zoomdream.machine.files import read_regular
from zoomdream.rendering.job import Job, is_draft, numbers
from zoomdream.rendering.recording import Recording
from zoomdream.rendering.run import Run, read_run
from zoomdream.rendering.state_file import STATE_FILE
from zoomdream.rendering.workspace import working_folder

Owner = Literal["nobody", "this render", "this render in part", "another config", "another program"]
"""In part: numbered pictures, some of which are missing."""

_MOST_KEYS = 4  # that differ, in a refusal
_NOWHERE = Place("", None, Path())


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
    """What there is of a render. Raises ConfigError for what it may not replace: with `restart` and of drafts it may
    replace all but a config. OutputError if a folder is in the way.
    """
    folder, owner = working_folder(job.output), output_owner(job)
    _check_sidecar(job.output)
    run = None if restart else read_run(folder)
    if run is not None and run.fingerprint != job.fingerprint:
        if (folder / STATE_FILE).exists() and not is_draft(run.config):
            raise _refusal(f"{folder} holds the unfinished render of another config", job, run.config)
        run = None  # it was killed before its first segment was finished
    if owner in ("another config", "another program") and not restart and not (run and run.overwrite):
        origin = metadata.read_origin(job.settings.program, job.output)
        if origin is None or not is_draft(origin.config):
            what = f"appeared while this render was stopped, made by {owner}" if run else f"was made by {owner}"
            raise _refusal(f"{job.output} {what}", job, origin.config if origin else None)
    kept = 0 if run is None else Recording(folder, job.settings, job.frames, 0, job.frames).kept()
    return Found(owner, run, kept, finished=owner == "this render" and run is None and not restart)


def _refusal(what: str, job: Job, stored: str | None) -> ConfigError:
    """Why an output is not replaced. stored: the config that made it, where it is known."""
    keys = [] if stored is None else _differing(stored, job.config)
    more = f", and {len(keys) - _MOST_KEYS} more" if len(keys) > _MOST_KEYS else ""
    told = f" ({'; '.join(keys[:_MOST_KEYS])}{more})" if keys else ""
    keep = f"`--output {shlex.quote(str(_free(job.output)))}` gives this one a name that is free"
    return ConfigError(f"{what}{told}. {keep}, and `--restart` replaces what is there.")


def _differing(stored: str, now: str) -> list[str]:
    """The keys in which a stored config and one of now differ, with both values; none where that is not known."""
    try:
        old, new = (dict(flat(read_yaml(text, _NOWHERE).value or {})) for text in (stored, now))
    except (ConfigError, AttributeError):  # another version's, or damaged
        return []
    keys = [key for key in {**new, **old} if key != "output" and old and new and not _same(old.get(key), new.get(key))]
    return [f"{key} was {shown(old.get(key))}, now {shown(new.get(key))}" for key in keys]


def _same(old: object, new: object) -> bool:
    """Whether two values make the same frames: paths count by their last name, as in the fingerprint."""
    if isinstance(old, str) and isinstance(new, str) and os.path.isabs(old):
        return os.path.basename(old) == os.path.basename(new)
    return old == new


def _free(output: Path) -> Path:
    """A name like the output's at which there is nothing: film_2.mp4, frames_2/%05d.png."""
    whole = output.parent if is_numbered(output) else output
    stem, suffix = (whole.name, "") if is_numbered(output) else (whole.stem, whole.suffix)
    names = (whole.with_name(f"{stem}_{number}{suffix}") for number in count(2))
    free = next(name for name in names if not name.exists() and not working_folder(name).exists())
    return free / output.name if is_numbered(output) else free


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
