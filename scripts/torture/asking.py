"""Trials that are over in milliseconds, done one after the other by a process that may hang or die (worker.py)."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.files.damage import Reader
from torture.commands import PATIENCE, Outcome


class Asker:
    """Has trials done in `folder`, and looks whether anything is left there. A context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._temporary = tempfile.TemporaryDirectory(prefix="torture_")
        environment = {"TMPDIR": self._temporary.name, "ZOOMDREAM_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        environment["TORCHINDUCTOR_CACHE_DIR"] = str(Path(tempfile.gettempdir(), "torchinductor"))  # torch makes it
        self._reader = Reader("torture.worker", PATIENCE, **environment)
        self._memory = self._reader.read(json.dumps({"kind": "none", "what": "", "folder": str(folder)}))["memory"]
        self._threads = 1

    def ask(self, kind: str, number: int, how: str, what: Any, mine: str = "") -> Outcome:
        """Do a trial. mine: the name of the file that was made for it, and goes. memory: what has been added so far."""
        before = {entry.name for entry in self._folder.iterdir()} - {mine}
        said = self._reader.read(json.dumps({"kind": how, "what": what, "folder": str(self._folder)}))
        fault = said.get("fault", "")
        if mine:
            (self._folder / mine).unlink(missing_ok=True)
        left = {entry.name for entry in self._folder.iterdir()} - before
        left |= {entry.name for entry in Path(self._temporary.name).iterdir()}
        if left and not fault:
            fault = f"leaves {sorted(left)[:3]}"
        if said.get("threads", 1) > self._threads:
            self._threads = said["threads"]
            fault = fault or f"{self._threads} threads"
        ended = "fault" if fault else "refused" if "refused" in said else "right"
        told = f"seed {number}: {str(what)[:300]}: {fault}" if fault else ""
        return Outcome(kind, ended, told, 0, said.get("took", 0.0), max(0.0, said.get("memory", 0.0) - self._memory))

    def __enter__(self) -> Asker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.close()
        self._temporary.cleanup()
