"""What became of a batch, as JSON for scripts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoomdream.batch.renders import Render
from zoomdream.errors import OutputError
from zoomdream.machine.files import write_whole
from zoomdream.version import __version__


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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, (json.dumps(report(renders, seconds), indent=2, default=str) + "\n").encode())
    except OSError as error:
        raise OutputError(f"--report {path} cannot be written: {error.strerror or error}.") from error
