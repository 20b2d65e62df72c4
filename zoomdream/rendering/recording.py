"""The recorded frames of a render, or of a part of one, in a folder: units, and the state after the last of them.

A unit is a segment, or what a part has of a segment that it shares with its neighbours: raw frames, which are encoded
together once all are there. A unit appears whole, and only then the state after it, with checksums of all units up to
it; so a render may be killed at any moment. Units up to the state are kept, all else is done again; where a disk has
damaged them, from the state before.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoomdream.encode.segment import SEGMENT_FRAMES, EncodeSettings, SegmentWriter, segment_name
from zoomdream.errors import OutputError
from zoomdream.machine.files import checksum, discard, settle, temporary_name, write_whole, writing
from zoomdream.rendering.state_file import BEFORE_FILE, STATE_FILE, read_index, read_state, read_sums, save_state
from zoomdream.types import State


@dataclass(frozen=True, slots=True)
class Unit:
    """Frames `begin` to `end` (without it) of segment `number`; whole: that is all of them."""

    number: int
    begin: int
    end: int
    whole: bool


@dataclass(frozen=True, slots=True)
class Recording:
    """Frames `begin` to `end` (without it) of a render of `frames`, recorded in `folder`."""

    folder: Path
    settings: EncodeSettings
    frames: int
    begin: int
    end: int

    @property
    def units(self) -> list[Unit]:
        """In order."""
        numbers = range(self.begin // SEGMENT_FRAMES, -(-self.end // SEGMENT_FRAMES))
        return [self.unit(max(self.begin, number * SEGMENT_FRAMES)) for number in numbers]

    def unit(self, index: int) -> Unit:
        """The one that holds a frame."""
        number = index // SEGMENT_FRAMES
        first, after = number * SEGMENT_FRAMES, min((number + 1) * SEGMENT_FRAMES, self.frames)
        begin, end = max(first, self.begin), min(after, self.end)
        return Unit(number, begin, end, whole=(begin, end) == (first, after))

    def path(self, unit: Unit) -> Path:
        """Where a unit is once it is finished."""
        name = segment_name(self.settings, unit.number) if unit.whole else f"frames_{unit.number:05d}.raw"
        return self.folder / name

    def writer(self, unit: Unit) -> SegmentWriter | RawWriter:
        """Begin to write a unit."""
        if unit.whole:
            return SegmentWriter(self.settings, self.folder, unit.number)
        return RawWriter(self.path(unit))

    def keep(self, state: State) -> None:
        """Note that all frames up to the state's are in finished units."""
        with writing(self.folder):
            known = read_sums(self.folder / STATE_FILE)
            new = self._until(state.index)[len(known) :]
            save_state(self.folder / STATE_FILE, state, [*known, *(_sum(self.path(unit)) for unit in new)])
            if (self.begin, self.end) == (0, self.frames) and not self.settings.still and self.settings.codec != "png":
                self._write_playlist(state.index + 1)

    def kept(self) -> int:
        """How many frames need not be done again. Changes nothing, because a recorder may still be writing."""
        index = read_index(self.folder / STATE_FILE)
        whole = index is not None and all(self.path(unit).exists() for unit in self._until(index))
        return index + 1 - self.begin if index is not None and whole and self.begin <= index < self.end else 0

    def resume(self, mend: Callable[[Sequence[Unit]], None] | None = None) -> tuple[State | None, list[str]]:
        """The last state that is good with all units up to it, or None to begin anew; and the files that were damaged.
        What is beyond it is removed.

        mend: records units again from the beginning, where these alone are damaged; they count if their checksums come
        back.

        The picture is on the CPU, laid out in memory as it was: sums over another layout round differently.
        """
        damaged: list[str] = []
        state = None
        last, before = self.folder / STATE_FILE, self.folder / BEFORE_FILE
        for path in (last, before):
            state, wrong = self._good(path)
            damaged += [name for name in wrong if name not in damaged]
            if state is not None:
                if path == before:
                    discard(last)  # a folder, perhaps, which nothing replaces
                    os.replace(before, last)
                break
        else:
            if mend is not None and damaged and last.name not in damaged:
                mend([unit for unit in self.units if self.path(unit).name in damaged])
                state = self._good(last)[0]
            if state is None:
                discard(last)
                discard(before)
            else:
                damaged = []
        kept = [] if state is None else [self.path(unit) for unit in self._until(state.index)]
        for path in self.folder.glob("segment_*"):
            if path not in kept:
                discard(path)
        return state, damaged

    def _good(self, path: Path) -> tuple[State | None, list[str]]:
        """The state in a file, if that and all up to it is as it was written; the names of what is not."""
        try:
            state = read_state(path)
        except OutputError:
            return None, [path.name]
        if state is None:
            return None, []
        units, sums = self._until(state.index), read_sums(path)
        height, width = state.picture.shape[-2:]
        if (
            not self.begin <= state.index == (units[-1].end - 1 if units else -1)
            or len(sums) != len(units)
            or state.picture.shape[0] != 1
            or state.picture.shape[1] not in (3, 4)
            or height < self.settings.height
            or width < self.settings.width
        ):
            return None, [path.name]
        # Of numbered pictures that are being published some are in their place already.
        published = state.index + 1 == self.frames
        wrong = [
            self.path(unit).name
            for unit, known in zip(units, sums, strict=True)
            if not _is_intact(self.path(unit), known, published)
        ]
        return (None if wrong else state), wrong

    def _until(self, index: int) -> list[Unit]:
        """The units that lead up to a frame."""
        return [unit for unit in self.units if unit.end <= index + 1]

    def _write_playlist(self, frames: int) -> None:
        """A playlist of what is finished, for players: VLC and mpv show one segment after the other."""
        lines = ["#EXTM3U"]
        for unit in self.units:
            if unit.end <= frames:
                length = float((unit.end - unit.begin) / self.settings.fps)
                lines += [f"#EXTINF:{length:.3f},", self.path(unit).name]
        playlist = self.folder / "watch.m3u"
        if playlist.is_dir():  # which no file replaces
            discard(playlist)
        write_whole(playlist, ("\n".join(lines) + "\n").encode())


def _sum(path: Path) -> str:
    """The checksum of a unit; of a folder of pictures those of each."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return ",".join(checksum(file) for file in files)


def _is_intact(path: Path, known: str, published: bool) -> bool:
    """Whether a unit has its checksum. published: pictures of a folder may be gone."""
    try:
        if not path.is_dir():
            return _sum(path) == known
        sums = dict(enumerate(known.split(",")))
        files = list(path.iterdir())
        return (published or len(files) == len(sums)) and all(
            checksum(file) == sums.get(int(file.stem)) for file in files
        )
    except (OSError, ValueError):
        return False


class RawWriter:
    """A unit of raw frames being written: what a SegmentWriter does, without an encoder."""

    def __init__(self, final: Path) -> None:
        self._final, self._temporary = final, temporary_name(final)
        with writing(final):
            self._file = self._temporary.open("wb")

    def write_raw(self, data: memoryview) -> None:
        with writing(self._final):
            self._file.write(data)

    def seal(self) -> None:
        with writing(self._final):
            self._file.close()

    def close(self) -> Path:
        self.seal()
        with writing(self._final):
            settle(self._temporary, self._final)
        return self._final

    def drop(self) -> None:
        with contextlib.suppress(OSError):  # of what it still had to write
            self._file.close()
        discard(self._temporary)
