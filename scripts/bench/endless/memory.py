"""How much memory a render takes, by its number of frames. Run as a program, it renders a config and prints its peak.

python scripts/bench/endless/memory.py CONFIG.yaml
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import zoomdream
from zoomdream.config import Config
from zoomdream.machine.startup import keep_freed_memory


def peak_mebibytes() -> float:
    """The most memory that this process has held at once.

    From VmHWM where there is /proc: the kernel's ru_maxrss also counts what the parent held when it started us.
    """
    try:
        found = re.search(r"^VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        found = None
    if found:
        return int(found[1]) / 1024
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024


def peaks(config: Config, frames: Sequence[int], folder: Path) -> dict[int, float]:
    """Peak of a process that renders the config at each number of frames, in MiB (ffmpeg's own processes apart)."""
    found = {}
    for count in frames:
        path = folder / f"memory_{count}.yaml"
        sized = config.model_copy(update={"frames": count, "output": folder / f"memory_{count}.mp4"})
        path.write_text(sized.to_yaml(), encoding="utf-8")
        command = [sys.executable, str(Path(__file__)), str(path)]
        found[count] = float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return found


if __name__ == "__main__":
    keep_freed_memory()  # as `zoomdream render` does
    zoomdream.render(zoomdream.load_config(sys.argv[1]))
    print(peak_mebibytes())
