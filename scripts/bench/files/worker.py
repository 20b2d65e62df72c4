"""Reads the files whose paths come in, one a line, and says as JSON what became of each (see damage.Reader)."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from zoomdream.errors import InputError
from zoomdream.source.clip.clip import open_clip
from zoomdream.source.clip.decode import ClipReader


def read(path: Path) -> dict[str, Any]:
    """Scan a file, and read its first, last and middle pictures: what was found, or a fault."""
    begin, said = time.monotonic(), dict[str, Any]()
    try:
        clip = open_clip(path)
        said = {"frames": len(clip.times), "seconds": float(clip.span), "notes": list(clip.notes)}
        with ClipReader(clip, range(len(clip.times)), (64, 64), "stretch") as reader:
            for number in (0, len(clip.times) - 1, len(clip.times) // 2):
                reader.frame(number)
    except InputError as error:
        said |= {"refused": str(error)}
    except BaseException:
        said |= {"fault": traceback.format_exc()[-1500:]}
    said |= {"took": time.monotonic() - begin, "threads": threading.active_count(), "open": _open_files()}
    return said


def _open_files() -> int:
    try:
        return sum("/" in os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd"))
    except OSError:
        return 0


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(read(Path(line.rstrip("\n")))), flush=True)
