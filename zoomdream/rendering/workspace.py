"""The working folder `OUTPUT.zoomdream/`: finished segments, the state after the last of them, and run.json.

The order of writing makes every moment safe to be killed in: a segment appears whole, and only then the state after
it. So the state decides: segments up to it are kept, whatever lies beyond is done again.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from zoomdream.encode.segment import SEGMENT_FRAMES, EncodeSettings, segment_name
from zoomdream.errors import ConfigError, OutputError
from zoomdream.machine.files import discard, write_whole
from zoomdream.rendering.lock import NAME as LOCK_NAME
from zoomdream.rendering.lock import Lock
from zoomdream.rendering.run import FILE as RUN_FILE
from zoomdream.rendering.run import Run, parse_run, write_run
from zoomdream.rendering.state_file import read_state, save_state
from zoomdream.types import State

STATE_FILE = "state.safetensors"
_OURS = re.compile(
    r"run\.json|state\.safetensors|watch\.m3u|join\.txt|tags\.txt|segment_\d+(\.\w+)?|.*\.partial(\.\w+)?"
)


class Workspace:
    """The folder of one output, locked while this is open. A context manager: a folder with nothing finished goes.

    Raises OutputError if the folder cannot be made, belongs to a running render, or is not zoomdream's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock(folder)
        try:
            strange = [entry.name for entry in folder.iterdir() if not _OURS.fullmatch(entry.name)]
            strange = [name for name in strange if name != LOCK_NAME]
            if strange:
                raise OutputError(
                    f"{folder} is the working folder of this output, but holds {strange[0]}: move that away."
                )
            for entry in folder.iterdir():
                if ".partial" in entry.name:
                    discard(entry)
        except BaseException:
            self._lock.release(remove=True)
            raise

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        keep = self.worth_keeping
        try:
            if not keep:
                self.empty()
        finally:
            self._lock.release(remove=not keep)

    @property
    def worth_keeping(self) -> bool:
        """Whether any segment is finished."""
        return self._state.exists()

    @property
    def _run(self) -> Path:
        return self.folder / RUN_FILE

    @property
    def _state(self) -> Path:
        return self.folder / STATE_FILE

    def read_run(self) -> Run | None:
        """The run in the folder, or None if there is none. ConfigError if it cannot go on and has finished segments."""
        try:
            return parse_run(self._run.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            if not self.worth_keeping:
                return None
            why = error.strerror if isinstance(error, OSError) else error
            raise ConfigError(
                f"{self._run} of an unfinished render cannot be read ({why}), so that it cannot go on. Give another "
                "output, or `--restart` to throw it away and begin anew."
            ) from error

    def begin(self, run: Run) -> None:
        """Start a new run: everything that was here goes."""
        self.empty()
        with writing(self.folder):
            write_whole(self._run, write_run(run).encode())

    def empty(self) -> None:
        """Remove what is ours; the run first, because segments without it are known to be nobody's."""
        for path in (self._run, self._state, *self.folder.iterdir()):
            if _OURS.fullmatch(path.name):
                discard(path)

    def resume(self, settings: EncodeSettings) -> State | None:
        """The state after the last finished segment, or None to begin at frame 0. Removes what lies beyond it.

        The picture is on the CPU, laid out in memory as it was: sums over another layout round differently.
        """
        state = self._whole_state(settings)
        if state is None:
            discard(self._state)
        kept = self.segments(settings, 0 if state is None else state.index + 1)
        for path in self.folder.glob("segment_*"):
            if path not in kept:
                discard(path)
        return state

    def kept(self, settings: EncodeSettings) -> int:
        """How many frames need not be done again. Changes nothing: a recorder that was told to stop may still write."""
        state = self._whole_state(settings)
        return 0 if state is None else state.index + 1

    def keep(self, state: State, settings: EncodeSettings) -> None:
        """Note that all frames up to the state's are in finished segments."""
        with writing(self.folder):
            save_state(self._state, state)
            self._write_playlist(settings, state.index + 1)

    def segments(self, settings: EncodeSettings, frames: int) -> list[Path]:
        """The segments that hold the first `frames` frames, in order."""
        return [self.folder / segment_name(settings, number) for number in range(-(-frames // SEGMENT_FRAMES))]

    def _whole_state(self, settings: EncodeSettings) -> State | None:
        """The state, unless somebody removed a segment that leads up to it."""
        state = read_state(self._state)
        if state is not None and not all(path.exists() for path in self.segments(settings, state.index + 1)):
            return None
        return state

    def _write_playlist(self, settings: EncodeSettings, frames: int) -> None:
        """A playlist of what is finished, for players: VLC and mpv show one segment after the other."""
        if settings.still or settings.codec == "png":
            return
        lines = ["#EXTM3U"]
        for number, path in enumerate(self.segments(settings, frames)):
            length = min(SEGMENT_FRAMES, frames - number * SEGMENT_FRAMES)
            lines += [f"#EXTINF:{float(length / settings.fps):.3f},", path.name]
        write_whole(self.folder / "watch.m3u", ("\n".join(lines) + "\n").encode())


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """OSErrors inside become OutputErrors that say where, and plainly when the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
            raise OutputError(f"{place}: the disk is full. Make room and start the same command again.") from error
        raise OutputError(f"{place} cannot be written: {error.strerror or error}.") from error
