"""Makes the finished file of a recording and moves it into its place."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from zoomdream import ffmpeg
from zoomdream.config import Config
from zoomdream.config.codecs import is_numbered
from zoomdream.encode import metadata, trial
from zoomdream.encode.join import join
from zoomdream.encode.segment import SEGMENT_FRAMES
from zoomdream.errors import InputError, OutputError
from zoomdream.machine.files import discard, settle, temporary_name, write_whole
from zoomdream.rendering.job import Job, numbers
from zoomdream.rendering.recording import Recording
from zoomdream.rendering.state_file import STATE_FILE, read_state, read_sums, save_state
from zoomdream.types import Plan, State


def publish(job: Job, recording: Recording, plan: Plan, *, trim: bool) -> None:
    """Make the finished file and move it into place. May be repeated after being killed at any moment.

    Of numbered pictures those of an older render go first, with `trim` all of them, and then comes OUTPUT.yaml: some
    that are found half published are known to be ours, and not to be all. Raises OutputError or OSError, and leaves the
    place of any other output as it was.
    """
    settings, output = recording.settings, job.output
    segments = [recording.path(unit) for unit in recording.units]
    origin = metadata.write_origin(job.fingerprint, job.config)
    if is_numbered(output):
        _clear(segments, output, job.frames, trim=trim)
        _write_sidecar(output, origin)
        _move_pictures(segments, output, job.frames)
        return
    if settings.still:
        finished = temporary_name(segments[-1].with_name("joined.png"))
        shutil.copyfile(segments[-1], finished)
    else:
        try:
            finished = join(settings, segments, output, job.frames, origin=origin, sound=job.sound, looped=job.looped)
        except (InputError, OutputError) as error:
            if job.sound is not None:
                _keep_silent(job, segments, origin, error)
            raise
    try:
        _write_sidecar(output, origin)
        settle(finished, output)
    finally:
        discard(finished)
    if job.keep_ends:
        state = read_state(recording.folder / STATE_FILE)
        assert state is not None
        save_state(end_file(output), state, _dreamed(job.fingerprint, plan), alone=True)
        shutil.copymode(output, end_file(output))  # safetensors writes what only its owner may read
    if job.sound is not None and _is_silent_twin(job):
        discard(silent_twin(output))


def end_file(output: Path) -> Path:
    """Where the state after the last frame of a finished video is kept."""
    return output.with_name(f"{output.name}.end.safetensors")


def kept_end(config: Config, plan: Plan) -> State | None:
    """The state after the last frame of the video from which a film goes on; None where none is kept, for drafts,
    which are smaller, and where it would be dreamed otherwise here. OutputError where it is damaged.
    """
    if config.start is None or config.before is None or config.before.size != config.size:
        return None
    path = end_file(config.start)
    if not path.is_file():
        return None
    origin = metadata.read_origin(ffmpeg.executable(config.encode.ffmpeg), config.start)
    known = origin is not None and read_sums(path) == _dreamed(origin.fingerprint, plan)
    try:
        return read_state(path) if known else None
    except OutputError:
        text = f"{path} is damaged. Remove it: without it the last frame of {config.start.name} is dreamed again."
        raise OutputError(text) from None


def _dreamed(fingerprint: str, plan: Plan) -> list[str]:
    """What decides which picture a film ends with: a kept one must be the one that would be dreamed again."""
    return [fingerprint, plan.device, plan.precision, str(plan.tile)]


def rehearse(job: Job) -> None:
    """Try to put the sound under pictures, so that this does not fail after hours. Raises OutputError, InputError."""
    if job.sound is not None:
        trial.check_sound(job.settings, job.output, metadata.write_origin(job.fingerprint, job.config), job.sound)


def silent_twin(output: Path) -> Path:
    """Where the video is kept without its sound if that does not get into it."""
    return output.with_name(f"{output.stem}.silent{output.suffix}")


def _is_silent_twin(job: Job) -> bool:
    """Whether one of this render is there."""
    path = silent_twin(job.output)
    origin = metadata.read_origin(job.settings.program, path) if path.is_file() else None
    return origin is not None and origin.fingerprint == job.fingerprint


def _keep_silent(job: Job, segments: list[Path], origin: str, error: InputError | OutputError) -> None:
    """Keep the video without its sound, and add to the error what there is now. Where that cannot be made either, it is
    not the sound that is wrong.
    """
    silent, beside = silent_twin(job.output), ""
    with contextlib.suppress(OutputError, OSError):
        made = join(job.settings, segments, job.output, job.frames, origin=origin, sound=None, looped=job.looped)
        try:
            if not silent.exists() or _is_silent_twin(job):
                settle(made, silent)
                beside = f" The video without it is {silent}."
        finally:
            discard(made)
        error.text = (
            f"The sound did not get into {job.output}: {error.text}{beside} All frames are kept in "
            f"{segments[0].parent}: once the sound can be read, the same command makes {job.output} of them without "
            "dreaming again."
        )


def _write_sidecar(output: Path, origin: str) -> None:
    beside = metadata.sidecar(output)
    if beside is not None:
        write_whole(beside, f"# {origin}".encode())


def _clear(segments: list[Path], output: Path, frames: int, *, trim: bool) -> None:
    """Remove the pictures of an older render that ours come in place of. Left among ours they would make a whole of
    what is half published.
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
