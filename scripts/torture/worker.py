"""Takes trials that come in as lines of JSON, one after the other, and says as JSON what became of each (texts.py,
inputs.py). What it does otherwise than read is noticed: programs that are started, sockets, files that are written.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from torture.commands import MEMORY, bad_words

_STARTS = {
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "pty.spawn",
    "socket.connect",
    "socket.getaddrinfo",
    "pickle.find_class",
}
_LONGEST = 10_000
"""Characters of the longest answer that people should have to look at."""
_done: list[str] = []


def hear(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook of Python's. ffmpeg may be started."""
    if event == "subprocess.Popen":
        program = Path(os.fsdecode(arguments[0] or arguments[1][0])).name
        if "ffmpeg" not in program:
            _done.append(f"starts {program}")
    elif event in _STARTS:
        _done.append(f"{event} {str(arguments)[:200]}")
    elif event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        path = os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes) else ""
        if path and not path.startswith(("/dev/null", "/proc/", os.environ["TMPDIR"])):
            _done.append(f"writes {path}")


def _command(words: list[str]) -> dict[str, Any]:
    """`zoomdream WORDS...` in this process."""
    from zoomdream.cli import main

    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = main(words)
    text = said.getvalue()
    fault = bad_words(text)
    if code not in (0, 1, 2, 3, 4):
        fault = fault or f"exit code {code}"
    if "not enough memory" in text:
        fault = fault or "out of memory"
    if odd := [c for c in text if not c.isprintable() and c != "\n"]:
        fault = fault or f"prints {odd[:3]}"
    if len(text) > _LONGEST and words[0] != "batch":
        fault = fault or f"prints {len(text)} characters"
    return {"fault": fault} if fault else {"refused": text} if code else {}


def picture(path: str) -> dict[str, Any]:
    """Read a picture."""
    from zoomdream.source.picture import read_channels

    if not bool(read_channels(Path(path)).isfinite().all()):
        return {"fault": "numbers that are not finite"}
    return {}


def weights(path: str) -> dict[str, Any]:
    """Read a weights file; a network of other shapes refuses what is in it."""
    from zoomdream.errors import InputError
    from zoomdream.networks.catalog import open_network
    from zoomdream.networks.weights.read import read_tensors

    read_tensors(Path(path))
    with contextlib.suppress(InputError):
        open_network("googlenet", Path(path))
    return {}


def clip(path: str) -> dict[str, Any]:
    """Read a clip, as the benchmark of files does."""
    from bench.files.worker import read

    return read(Path(path))


def attempt(kind: str, what: Any) -> dict[str, Any]:
    """One trial: what it ended as, and what it took, in seconds of the processor: others may keep this machine busy."""
    from zoomdream.errors import ZoomdreamError

    _done.clear()
    begin, said = time.process_time(), dict[str, Any]()
    try:
        said = {"command": _command, "picture": picture, "weights": weights, "clip": clip}[kind](what)
    except ZoomdreamError as error:
        said = {"refused": str(error)}
    except BaseException:
        said = {"fault": traceback.format_exc()[-1500:]}
    if _done:
        said["fault"] = f"{said.get('fault', '')} does what it should not: {_done[:3]}"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return said | {"took": time.process_time() - begin, "threads": threading.active_count(), "memory": peak}


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    import torch

    import zoomdream.cli.batch
    import zoomdream.networks.catalog
    import zoomdream.source.picture  # noqa: F401  so that no trial pays for the imports

    torch.set_num_threads(1)
    sys.addaudithook(hear)
    for line in sys.stdin:
        trial = json.loads(line)
        os.chdir(trial["folder"])
        print(json.dumps(attempt(trial["kind"], trial["what"])), file=answers, flush=True)
