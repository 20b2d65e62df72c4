"""The parts of a clip's render: each recorded in a folder of its own, and all of them put together."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch

from zoomdream.batch.parallel_shots.shots import Part
from zoomdream.config import Config
from zoomdream.encode.segment import SegmentWriter, segment_name
from zoomdream.errors import OutputError
from zoomdream.machine.files import checksum, discard, read_regular, temporary_name, write_whole, writing
from zoomdream.rendering import Observers
from zoomdream.rendering.job import encode_settings
from zoomdream.rendering.lock import Lock
from zoomdream.rendering.loop import Dreaming, OpenNetwork, record, stoppable
from zoomdream.rendering.recording import Recording
from zoomdream.rendering.state_file import STATE_FILE
from zoomdream.types import Plan, State


def render_part(
    config: Config, plan: Plan, part: Part, parts: Sequence[Part], networks: OpenNetwork, observers: Observers
) -> None:
    """Record a part, or go on with it; then encode the segments that it shares with other `parts` and that are complete
    now. plan, parts: as `split` gives them. Raises what a render raises.
    """
    recording = part.recording(encode_settings(config, plan), config.frames)
    lock = Lock(part.folder)
    with contextlib.ExitStack() as opened:
        opened.callback(lock.release, remove=False)
        opened.enter_context(stoppable())
        opened.enter_context(config.error_context())
        dreaming = opened.enter_context(contextlib.closing(Dreaming(config, plan, networks)))
        # A new shot looks at nothing of the state before it but the number.
        before = None if part.begin == 0 else State(part.begin - 1, torch.zeros(1, 3, 1, 1))
        passes = dreaming.timeline.passes[part.begin : part.end]
        record(lambda start: dreaming.frames(start or before, part.end), recording, observers, passes)
        for unit in recording.units:
            if not unit.whole:
                _shared_segment(parts, recording, unit.number)


def fill(parts: Sequence[Part], whole: Recording) -> None:
    """Put finished parts into the recording of the whole render, which then has nothing left but to join.

    The parts stay as they are, so that it may be done again after being killed. OutputError where one is damaged; what
    is damaged is removed, so that the next start renders it again.
    """
    state = None
    for part in parts:
        state, damaged = part.recording(whole.settings, whole.frames).resume()
        if damaged or state is None or state.index != part.end - 1:
            raise OutputError(
                f"{part.folder} is damaged ({', '.join(damaged) or 'it is not whole'}): start the same command again, "
                "which renders what is damaged there anew."
            )
    discard(whole.folder / STATE_FILE)
    for unit in whole.units:
        target = whole.path(unit)
        discard(target)
        finished = _shared_segment(parts, whole, unit.number)
        assert finished is not None
        with writing(whole.folder):
            _copy(finished, target)
    assert state is not None
    whole.keep(state)


def _shared_segment(parts: Sequence[Part], one: Recording, number: int) -> Path | None:
    """The finished segment of that number, encoded here if several parts share it; None until all have recorded their
    frames of it. Two may do that at once: they make the same bytes, and each a file of its own until it is whole.
    """
    recordings = [part.recording(one.settings, one.frames) for part in parts]
    files = [there.path(unit) for there in recordings for unit in there.units if unit.number == number]
    if len(files) == 1:
        return files[0]
    folder, settings = parts[0].folder.parent, one.settings
    finished = folder / segment_name(settings, number)
    noted = finished.with_name(f"{finished.name}.checksum")
    if _has_checksum(finished, noted):
        return finished
    if not all(path.exists() for path in files):
        return None
    with SegmentWriter(settings, folder, number) as writer:
        for path in files:
            with path.open("rb") as opened:
                while data := opened.read(settings.frame_bytes):
                    writer.write_raw(memoryview(data))
        writer.close()
    with writing(noted):
        write_whole(noted, checksum(finished).encode())
    return finished


def _has_checksum(file: Path, noted: Path) -> bool:
    """Whether a file is there and as it was when its checksum was noted."""
    try:
        return checksum(file) == read_regular(noted)
    except (OSError, UnicodeDecodeError):
        return False


def _copy(source: Path, target: Path) -> None:
    """The same file under another name, where the disk can do that."""
    with contextlib.suppress(OSError):
        os.link(source, target)
        return
    temporary = temporary_name(target)
    shutil.copyfile(source, temporary)
    os.replace(temporary, target)
