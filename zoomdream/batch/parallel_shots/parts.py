"""The parts of a clip's render: each rendered into files of its own, and all of them put together."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path

import torch

from zoomdream import assembly, pipeline
from zoomdream.batch.parallel_shots.shots import Part
from zoomdream.config import Config
from zoomdream.encode import trial
from zoomdream.encode.pixels import to_bytes
from zoomdream.encode.segment import SEGMENT_FRAMES, EncodeSettings, SegmentWriter, raw_bits, segment_name
from zoomdream.machine.files import discard, settle, temporary_name
from zoomdream.machine.workers import WorkerQueue
from zoomdream.rendering import Progress
from zoomdream.rendering.forecast import Forecast
from zoomdream.rendering.job import encode_settings
from zoomdream.rendering.lock import Lock
from zoomdream.rendering.loop import stoppable
from zoomdream.rendering.readback import check
from zoomdream.rendering.state_file import read_state, save_state
from zoomdream.rendering.workspace import STATE_FILE, Workspace, writing
from zoomdream.timeline import Timeline
from zoomdream.types import Network, Plan, State

_WAITING = 2  # frames that wait to be written


def render_part(
    config: Config,
    plan: Plan,
    part: Part,
    parts: Sequence[Part],
    networks: Callable[[Config, Plan], Network],
    progress: Callable[[Progress], None],
) -> None:
    """Render a part, or go on with it: its whole segments as files, the frames of the others as they are. What it
    completes of a segment that it shares with other `parts` is encoded, too.

    plan, parts: as `split` gives them. Raises what a render raises.
    """
    settings = encode_settings(config, plan)
    lock = Lock(part.folder)
    with contextlib.ExitStack() as opened:
        opened.callback(lock.release, remove=False)
        opened.enter_context(stoppable())
        start = _resumed(part, settings, config.frames)
        count = part.end - part.begin
        done = 0 if start is None else start.index + 1 - part.begin
        progress(Progress(done, count, None, None, f"frames {part.begin} to {part.end - 1}"))
        if done == count:
            return
        with config.error_context():
            trial.check(settings)
        timeline = Timeline.of(config, plan.cuts)
        stages = opened.enter_context(
            closing(assembly.open_stages(config, plan, networks(config, plan), timeline=timeline))
        )
        states = pipeline.frames(stages, _before(part, start, plan), part.end)
        forecast = Forecast(timeline.passes[part.begin : part.end], done, time.monotonic())
        _record(states, _into_units(part, parts, settings, config.frames), part, forecast, progress)


def _before(part: Part, start: State | None, plan: Plan) -> State | None:
    """The state before the first frame that is to be done. A new shot looks at nothing of it but the number."""
    if start is not None:
        return start.to(plan.device)
    return None if part.begin == 0 else State(part.begin - 1, torch.zeros(1, 3, 1, 1))


Write = Callable[[Iterator[State]], None]


def _record(
    states: Iterator[State], write: Write, part: Part, forecast: Forecast, progress: Callable[[Progress], None]
) -> None:
    """Dream the frames of a part, and write them meanwhile."""
    queue = WorkerQueue(write, _WAITING, "zoomdream-shots")
    try:
        for state in states:
            queue.put(state)
            forecast.tell(time.monotonic())
            done = state.index + 1 - part.begin
            progress(Progress(done, part.end - part.begin, forecast.seconds_per_frame, forecast.seconds_left))
    except BaseException:
        with contextlib.suppress(Exception):  # the first error is the one that counts
            queue.finish()
        raise
    queue.finish()


def _units(part: Part, frames: int) -> Iterator[tuple[int, int, int, bool]]:
    """The segments that the part has frames of: number, first frame, end, and whether it has all of them."""
    for number in range(part.begin // SEGMENT_FRAMES, -(-part.end // SEGMENT_FRAMES)):
        first, end = number * SEGMENT_FRAMES, min((number + 1) * SEGMENT_FRAMES, frames)
        whole = part.begin <= first and end <= part.end
        yield number, max(first, part.begin), min(end, part.end), whole


def _file(part: Part, settings: EncodeSettings, number: int, whole: bool) -> Path:
    return part.folder / (segment_name(settings, number) if whole else f"frames_{number:05d}.raw")


def _into_units(part: Part, parts: Sequence[Part], settings: EncodeSettings, frames: int) -> Write:
    """Writes a part's states unit by unit, and after each the state from which the next one can be done."""
    units = {number: (end, whole) for number, _, end, whole in _units(part, frames)}

    def write(states: Iterator[State]) -> None:
        for first in states:
            number = first.index // SEGMENT_FRAMES
            end, whole = units[number]
            unit = _checked(chain((first,), states), end)
            if whole:
                last = _write_segment(settings, part.folder, number, unit, end)
            else:
                last = _write_raw(_file(part, settings, number, whole), settings, unit, end)
            if last is None:
                return
            save_state(part.folder / STATE_FILE, last)
            if not whole:
                _seam(parts, settings, frames, number)

    return write


def _checked(states: Iterator[State], end: int) -> Iterator[State]:
    """The states up to that of frame `end` (without it). OutputError for one that holds what is no number: the next
    shot would begin as if nothing had been.
    """
    for state in states:
        check(torch.isfinite(state.picture).all(), state.index)
        yield state
        if state.index == end - 1:
            return


def _write_segment(
    settings: EncodeSettings, folder: Path, number: int, states: Iterator[State], end: int
) -> State | None:
    """Write the states up to frame `end` (without it) as a segment; the last of them. None, and no segment, where they
    end before.
    """
    with SegmentWriter(settings, folder, number) as writer:
        for state in states:
            writer.write(state.shown((settings.height, settings.width)))
            if state.index == end - 1:
                writer.close()
                return state
    return None


def _write_raw(path: Path, settings: EncodeSettings, states: Iterator[State], end: int) -> State | None:
    """Write the states up to frame `end` (without it) as an encoder's raw bytes; see `_write_segment`."""
    size, bits = (settings.height, settings.width), raw_bits(settings)
    temporary = temporary_name(path)
    try:
        with writing(path.parent), temporary.open("wb") as file:
            for state in states:
                file.write(to_bytes(state.shown(size), bits))
                if state.index == end - 1:
                    break
            else:
                return None
        with writing(path.parent):
            settle(temporary, path)
    finally:
        discard(temporary)
    return state


def _resumed(part: Part, settings: EncodeSettings, frames: int) -> State | None:
    """The state after the last finished unit; None where there is none, or somebody removed a file."""
    state = read_state(part.folder / STATE_FILE)
    if state is None:
        return None
    needed = [
        _file(part, settings, number, whole) for number, _, end, whole in _units(part, frames) if end <= state.index + 1
    ]
    return state if all(path.exists() for path in needed) else None


def filling(parts: Sequence[Part], frames: int) -> Callable[[Workspace, EncodeSettings], None]:
    """What puts finished parts into the working folder of the whole render, which then has nothing left but to join.

    The parts stay as they are, so that it may be done again after being killed.
    """

    def fill(workspace: Workspace, settings: EncodeSettings) -> None:
        for number in range(-(-frames // SEGMENT_FRAMES)):
            target = workspace.folder / segment_name(settings, number)
            if target.exists():
                continue
            finished = _seam(parts, settings, frames, number)
            assert finished is not None
            with writing(workspace.folder):
                _copy(finished, target)
        state = read_state(parts[-1].folder / STATE_FILE)
        assert state is not None
        workspace.keep(state, settings)

    return fill


def _seam(parts: Sequence[Part], settings: EncodeSettings, frames: int, number: int) -> Path | None:
    """The finished segment of that number, put together here if several parts share it; None until all have their share
    of it. Two may do that at once: they make the same bytes, and each a file of its own until it is whole.
    """
    owners = [(part, whole) for part in parts for unit, _, _, whole in _units(part, frames) if unit == number]
    files = [_file(part, settings, number, whole) for part, whole in owners]
    if owners[0][1]:
        return files[0]
    folder = parts[0].folder.parent
    finished = folder / segment_name(settings, number)
    if finished.exists():
        return finished
    if not all(file.exists() for file in files):
        return None
    length = settings.height * settings.width * 3 * raw_bits(settings) // 8
    with SegmentWriter(settings, folder, number) as writer:
        for file in files:
            with file.open("rb") as opened:
                while data := opened.read(length):
                    writer.write_raw(memoryview(data))
        return writer.close()


def _copy(source: Path, target: Path) -> None:
    """The same file under another name, where the disk can do that."""
    with contextlib.suppress(OSError):
        os.link(source, target)
        return
    temporary = target.with_name(f"{target.stem}.copy.partial{target.suffix}")
    shutil.copyfile(source, temporary)
    os.replace(temporary, target)
