"""The finished file at its place: what is there already, and how a new one gets there."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from zoomdream.encode import metadata
from zoomdream.encode.join import join
from zoomdream.encode.metadata import is_numbered
from zoomdream.encode.segment import SEGMENT_FRAMES, EncodeSettings
from zoomdream.encode.sound import Sound
from zoomdream.errors import ConfigError, OutputError
from zoomdream.machine.files import discard, settle, temporary_name, write_whole


def working_folder(output: Path) -> Path:
    """`OUTPUT.zoomdream`; for frames/%05d.png it is frames.zoomdream."""
    whole = output.parent if is_numbered(output) else output
    return whole.with_name(f"{whole.name}.zoomdream")


def occupant(program: Path, output: Path, frames: int, fingerprint: str) -> str | None:
    """Who made what is at the output's place: a fingerprint, "" for somebody else, None if nothing is there.

    "incomplete": numbered pictures of this very `fingerprint`, some of its `frames` missing. OutputError if a folder is
    in the way.
    """
    if is_numbered(output):
        present = numbers(output)
        if not present:
            return None
        origin = metadata.read_origin(program, output)
        if origin is None:
            return ""
        missing = origin.fingerprint == fingerprint and not set(range(frames)) <= present
        return "incomplete" if missing else origin.fingerprint
    if output.is_dir():
        raise OutputError(f"{output} is a folder; the output must be a file.")
    if not output.exists():
        return None
    origin = metadata.read_origin(program, output)
    return "" if origin is None else origin.fingerprint


def numbers(output: Path) -> set[int]:
    """The numbers of the pictures that are there."""
    found = re.fullmatch(r"([^%]*)%0?(\d*)d([^%]*)", output.name)
    if found is None:
        raise ConfigError(f"output: {output.name} must hold one number such as %05d.")
    pattern = re.compile(re.escape(found[1]) + r"(\d+)" + re.escape(found[3]))
    if not output.parent.is_dir():
        return set()
    return {int(match[1]) for entry in output.parent.iterdir() if (match := pattern.fullmatch(entry.name))}


def check_sidecar(output: Path) -> None:
    """ConfigError if a file that is not ours, a config perhaps, is where OUTPUT.yaml goes. Never overwritten."""
    beside = metadata.sidecar(output)
    if beside is None or not beside.exists():
        return
    try:
        ours = metadata.parse_origin(beside.read_text(encoding="utf-8")) is not None
    except (OSError, UnicodeDecodeError):
        ours = False
    if not ours:
        raise ConfigError(
            f"output: the config of {output} would be written to {beside}, which was not made by a render. "
            "Choose another output, or move that file away."
        )


def deliver(
    settings: EncodeSettings,
    segments: list[Path],
    output: Path,
    frames: int,
    *,
    origin: str,
    sound: Sound | None,
    trim: bool,
) -> None:
    """Make the finished file of the segments and move it into place. May be repeated after being killed at any moment.

    Of numbered pictures those of an older render go first, with `trim` all of them, and then comes OUTPUT.yaml: some
    that are found half delivered are known to be ours, and not to be all. Raises OutputError or OSError, and leaves the
    place of any other output as it was.
    """
    beside = metadata.sidecar(output)
    if is_numbered(output):
        _clear(segments, output, frames, trim=trim)
        _write_sidecar(beside, origin)
        _move_pictures(segments, output, frames)
        return
    if settings.still:
        finished = temporary_name(segments[-1].with_name("joined.png"))
        shutil.copyfile(segments[-1], finished)
    else:
        finished = join(settings, segments, output, frames, origin=origin, sound=sound)
    try:
        _write_sidecar(beside, origin)
        settle(finished, output)
    finally:
        discard(finished)


def _write_sidecar(beside: Path | None, origin: str) -> None:
    if beside is not None:
        write_whole(beside, f"# {origin}".encode())


def _clear(segments: list[Path], output: Path, frames: int, *, trim: bool) -> None:
    """Remove the pictures of an older render that ours come in place of. Left among ours they would make a whole of
    what is half delivered.
    """
    for number in numbers(output):
        if _source(segments, number).exists() if number < frames else trim:
            output.with_name(output.name % number).unlink(missing_ok=True)


def _move_pictures(segments: list[Path], output: Path, frames: int) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    for number in range(frames):
        source, target = _source(segments, number), output.with_name(output.name % number)
        if source.exists():
            os.replace(source, target)
        elif not target.exists():
            raise OutputError(f"{source} has vanished; `--restart` renders all of it again.")


def _source(segments: list[Path], number: int) -> Path:
    return segments[number // SEGMENT_FRAMES] / f"{number % SEGMENT_FRAMES:05d}.png"
