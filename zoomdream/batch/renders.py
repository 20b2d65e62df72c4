"""What a batch knows of each of its renders, and what became of them, as JSON for scripts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from zoomdream.config import Config
from zoomdream.machine.files import write_whole, writing
from zoomdream.rendering import Progress
from zoomdream.types import Plan
from zoomdream.version import __version__

Status = Literal["waiting", "running", "done", "skipped", "failed", "stopped", "busy"]
"""skipped: finished before the batch began; stopped: neither finished nor failed when the batch was stopped;
busy: another process renders it."""


@dataclass
class Render:
    """One render of a batch, from its file to its end.

    source, choice: the file, and what its matrix chose; config: None where that is wrong; plan: that of an earlier
    start, or of the shots; kept: frames that an earlier start has left; damaged: so has it a file that is not whole;
    seconds: of work, over all attempts; error, exit_code: why it failed.
    """

    source: Path
    choice: Mapping[str, Any]
    config: Config | None = None
    plan: Plan | None = None
    status: Status = "waiting"
    kept: int = 0
    damaged: bool = False
    progress: Progress | None = None
    seconds: float = 0.0
    attempts: int = 0
    error: str | None = None
    exit_code: int = 0

    @property
    def name(self) -> str:
        """What people know it by: its output, or its file where that is wrong."""
        if self.config is not None:
            return str(self.config.output)
        picked = ", ".join(f"{key} {value}" for key, value in self.choice.items())
        return f"{self.source} ({picked})" if picked else str(self.source)

    @property
    def frames(self) -> int:
        return 0 if self.config is None else self.config.frames

    @property
    def done(self) -> int:
        """How many of its frames are done."""
        if self.status in ("done", "skipped"):
            return self.frames
        return self.kept if self.progress is None else self.progress.done

    @property
    def size(self) -> float:
        """How much work one of its frames is, beside one of another render: the pixels of all steps."""
        if self.config is None:
            return 0.0
        width, height = self.config.size
        dream, octaves = self.config.dream, self.config.octaves
        steps = sum(steps * octaves.scale ** (-2 * octave) for octave, steps in enumerate(reversed(octaves.steps)))
        each = dream.every or max(1.0, float(self.config.fps) / dream.rate)
        return width * height * (1 + steps / each)


def report(renders: Sequence[Render], seconds: float) -> dict[str, Any]:
    """Plain values: how many renders have which status, and each of them. `seconds` is how long the batch took."""
    return {
        "zoomdream": __version__,
        "seconds": round(seconds, 3),
        "counts": dict(Counter(render.status for render in renders)),
        "renders": [
            {
                "config": str(render.source),
                "choice": dict(render.choice),
                "output": None if render.config is None else str(render.config.output),
                "status": render.status,
                "frames": render.frames,
                "done": render.done,
                "seconds": round(render.seconds, 3),
                "attempts": render.attempts,
                "error": render.error,
                "exit_code": render.exit_code,
            }
            for render in renders
        ],
    }


def write_report(path: Path, renders: Sequence[Render], seconds: float) -> None:
    """Write the report, whole or not at all. Raises OutputError."""
    with writing(f"--report {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, (json.dumps(report(renders, seconds), indent=2, default=str) + "\n").encode())
