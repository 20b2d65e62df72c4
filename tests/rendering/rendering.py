"""A synthetic render in a process of its own, to be watched and killed."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

from tests.rendering import synthetic


class Rendering:
    """A synthetic render in a process of its own."""

    def __init__(self, output: Path, frames: int, pause: float) -> None:
        # A fork server, because a fresh process would import torch for seconds, and forks of this one inherit its
        # threads.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["zoomdream.rendering"])
        self._said, told = context.Pipe(duplex=False)
        self._process = context.Process(target=synthetic.tell, args=(told, output, frames, pause))
        self._process.start()
        told.close()
        self.pid = self._process.pid
        self._lines: list[str] = []

    def wait_for(self, text: str) -> str:
        """The next line with `text` in it, or "" if the process ended without."""
        try:
            while text not in (line := str(self._said.recv())):
                self._lines.append(line)
        except EOFError:
            return ""
        self._lines.append(line)
        return line

    @property
    def pictures(self) -> list[int]:
        """The numbers of the pictures that have been read from the process."""
        return [int(line[len("picture=") : -1]) for line in self._lines if line.startswith("picture=")]

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self._said.close()

    def end(self) -> str:
        """Wait for the end: "done", or the error."""
        self.wait_for("nothing that a render says")
        self._process.join()
        self._said.close()
        return self._lines[-1] if self._lines else ""
