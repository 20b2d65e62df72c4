"""The working folder `OUTPUT.zoomdream/` of a running render: locked, and removed where nothing in it is finished."""

from __future__ import annotations

import re
from pathlib import Path
from types import TracebackType

from zoomdream.config.codecs import is_numbered
from zoomdream.errors import OutputError
from zoomdream.machine.files import discard, write_whole, writing
from zoomdream.rendering.lock import NAME as LOCK_NAME
from zoomdream.rendering.lock import Lock
from zoomdream.rendering.run import FILE as RUN_FILE
from zoomdream.rendering.run import Run, write_run
from zoomdream.rendering.state_file import STATE_FILE

_OURS = re.compile(
    r"run\.json|state(\.before)?\.safetensors|watch\.m3u|join\.txt|tags\.txt|segment_\d+(\.\w+)?|.*\.partial(\.\w+)?"
)


def working_folder(output: Path) -> Path:
    """`OUTPUT.zoomdream`; for frames/%05d.png it is frames.zoomdream."""
    whole = output.parent if is_numbered(output) else output
    return whole.with_name(f"{whole.name}.zoomdream")


class Workspace:
    """The folder of one output, locked while this is open. A context manager: a folder with nothing finished goes.

    Raises OutputError if the folder cannot be made, belongs to a running render, or is not zoomdream's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock(folder)
        try:
            strange = [entry.name for entry in folder.iterdir() if not _is_ours(entry)]
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

    @property
    def guarded(self) -> bool:
        """Whether no other render can work in this folder meanwhile; not so on disks without locks."""
        return self._lock.guarded

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        keep = (self.folder / STATE_FILE).exists()
        try:
            if not keep:
                self.empty()
        finally:
            self._lock.release(remove=not keep)

    def begin(self, run: Run) -> None:
        """Start a new run: everything that was here goes."""
        self.empty()
        with writing(self.folder):
            write_whole(self.folder / RUN_FILE, write_run(run).encode())

    def empty(self) -> None:
        """Remove what is ours; the run first, because segments without it are known to be nobody's."""
        for path in (self.folder / RUN_FILE, self.folder / STATE_FILE, *self.folder.iterdir()):
            if _OURS.fullmatch(path.name):
                discard(path)


def _is_ours(entry: Path) -> bool:
    """Whether a render has made it. No link is ours: it leads out of the folder."""
    plain = not entry.is_symlink() and (entry.is_file() or entry.is_dir())
    return plain and (entry.name == LOCK_NAME or _OURS.fullmatch(entry.name) is not None)
