"""How threads should wait for one another, and how many there should be: whole renders, encoding included, in turns.

    python scripts/measure_threads.py                     on a machine that does nothing else
    python scripts/measure_threads.py --beside 1          beside one process that keeps a core busy
    python scripts/measure_threads.py --threads 1 2 4     how many threads pay
    python scripts/measure_threads.py --clip FILE         on a clip

Prints seconds per frame (the first frames left out) of each way to wait: the median over the rounds, the ends, and how
much longer than the best. Between two operations of the network torch's threads wait for some microseconds. libgomp
lets them spin for milliseconds; where anything else wants the cores, each of those is one that nobody works.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WAYS = {
    "libgomp's own": {},
    "passive": {"OMP_WAIT_POLICY": "PASSIVE"},
    "spin 1000": {"GOMP_SPINCOUNT": "1000"},
    "spin 10000": {"GOMP_SPINCOUNT": "10000"},
    "spin 100000": {"GOMP_SPINCOUNT": "100000"},
    "active": {"OMP_WAIT_POLICY": "ACTIVE"},
}
SKIPPED = 3  # frames whose time is no measure: memory is taken, kernels are made
PATIENCE = 120  # seconds after which a way has shown that it is none


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), metavar="WAY")
    parser.add_argument("--threads", nargs="+", type=int, default=[os.cpu_count() or 1])
    parser.add_argument("--beside", type=int, default=0, help="processes that keep a core busy meanwhile")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=34)
    parser.add_argument("--clip", type=Path, help="dream on this instead of noise")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of the render")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(seconds_per_frame(options))
        return
    found: dict[tuple[str, int], list[float]] = {kind: [] for kind in itertools.product(options.ways, options.threads)}
    for _ in range(options.rounds):
        for (way, count), seconds in found.items():
            seconds.append(measured(WAYS[way], count, options))
    best = min(statistics.median(seconds) for seconds in found.values())
    print(f"{'waiting':16}{'threads':>8}{'s/frame':>9}{'least':>8}{'most':>8}{'over best':>11}")
    for (way, count), seconds in found.items():
        middle = statistics.median(seconds)
        print(
            f"{way:16}{count:8}{middle:9.3f}{min(seconds):8.3f}{max(seconds):8.3f}{middle / best:11.2f}",
            flush=True,
        )


def measured(way: dict[str, str], threads: int, options: argparse.Namespace) -> float:
    """Seconds per frame of a render in a process of its own; no number where that took too long."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    environment |= way
    words = ["--one", "--threads", str(threads), "--frames", str(options.frames)]
    words += [] if options.clip is None else ["--clip", str(options.clip)]
    words += [word for pair in options.set for word in ("--set", pair)]
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(options.beside)]
    try:
        command = [sys.executable, __file__, *words]
        said = subprocess.run(command, env=environment, check=True, capture_output=True, timeout=PATIENCE, text=True)
    except subprocess.TimeoutExpired:
        return float("inf")
    finally:
        for process in busy:
            process.kill()
            process.wait()
    return float(said.stdout)


def seconds_per_frame(options: argparse.Namespace) -> float:
    """Of a whole render, encoding included, without its first frames."""
    from zoomdream import load_config, render
    from zoomdream.machine.startup import keep_freed_memory

    keep_freed_memory()  # as the command `zoomdream` does
    times = []
    with tempfile.TemporaryDirectory(prefix="measure_threads_") as folder:
        settings = {"size": [480, 270], "frames": options.frames, "dream": {"octaves": 2, "steps": 2, "warmup": 0}}
        settings |= {"performance": {"threads": options.threads[0]}}
        settings |= {"source": {"kind": "video", "path": str(options.clip)}} if options.clip else {}
        config = load_config(settings, options.set, output=Path(folder) / "out.mp4")
        render(config, progress=lambda progress: progress.message or times.append(time.perf_counter()))
    return (times[-1] - times[SKIPPED]) / (len(times) - 1 - SKIPPED)


if __name__ == "__main__":
    main()
