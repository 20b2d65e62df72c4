"""Batches, measured: what a second worker brings, on this machine's engine and on Ray, with many renders and one clip.

    python scripts/bench_batch.py --quick                        the same figures from less work
    python scripts/bench_batch.py --json build/batch.json        everything, ten minutes on two cores

Each worker has one thread, and is warm: it has rendered before. One worker and two take turns in the same run.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

from bench import command, report
from bench.batch import queues
from bench.report import Report
from bench.video import frame_checksums
from synthetic import clip as drawn_clip

from zoomdream.api import load_config
from zoomdream.batch.local import LocalEngine
from zoomdream.batch.renders import Render
from zoomdream.batch.scheduler import Engine, schedule
from zoomdream.config import Config

WORKERS = (1, 2)


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = command.parser("bench_batch", __doc__, PARTS)
    parser.add_argument("--weights", type=Path, help="of dreamnet, instead of its own")
    parser.add_argument("--turns", type=int, help="of one worker and of two (default: 3, quick: 1)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of all renders")
    chosen = parser.parse_args(words)
    chosen.turns = chosen.turns or (1 if chosen.quick else 3)
    return chosen


def main(words: Sequence[str] | None = None) -> int:
    return command.run(arguments(words), lambda options: command.run_parts(options, Report(), PARTS))


def config(options: argparse.Namespace, output: Path, frames: int, **keys: Any) -> Config:
    """A small render by one thread."""
    plain: dict[str, Any] = {
        "output": str(output),
        "size": [160, 96] if options.quick else [256, 144],
        "fps": 24,
        "frames": frames,
        "network": {"weights": str(options.weights)} if options.weights else {},
        "dream": {"octaves": 2, "steps": 2, "warmup": 1},
        "performance": {"device": "cpu", "threads": 1},
        **keys,
    }
    return load_config(plain, options.set)


def zooms(options: argparse.Namespace, folder: Path, name: str) -> list[Config]:
    frames = 12 if options.quick else 40
    return [config(options, folder / f"{name}_{seed}.mp4", frames, seed=seed) for seed in range(8)]


def clip(options: argparse.Namespace, folder: Path, name: str) -> list[Config]:
    """Four shots of the same length, of which none ends with a segment; with as much dreaming as by default."""
    frames = 21 if options.quick else 44
    drawn = folder / "drawn.mp4"
    if not drawn.exists():
        seconds = Fraction(4 * frames, 12)
        drawn_clip.write(drawn_clip.DrawnClip(size=(144, 256), fps=Fraction(12), seconds=seconds, cut=None), drawn)
    keys = {
        "source": {"kind": "video", "path": str(drawn)},
        "flow": {"cuts": [f"{number * frames}f" for number in (1, 2, 3)]},
        "fps": 12,
        "dream": {"octaves": 2, "steps": 2, "warmup": 1} if options.quick else {"octaves": 3, "steps": 4},
    }
    return [config(options, folder / f"{name}.mp4", 4 * frames, **keys)]


def seconds(engine: Engine, configs: Sequence[Config], watch: Callable[[], None] = lambda: None) -> float:
    """How long a batch takes. RuntimeError where something of it fails."""
    renders = [Render(Path("bench"), {}, chosen) for chosen in configs]
    begin = time.perf_counter()
    schedule(renders, engine, lambda changed: watch())
    taken = time.perf_counter() - begin
    for render in renders:
        if render.status != "done":
            raise RuntimeError(f"{render.name}: {render.error}")
    return taken


Make = Callable[[argparse.Namespace, Path, str], list[Config]]


def turns(options: argparse.Namespace, folder: Path, engines: dict[str, Engine], make: Make) -> dict[str, list[float]]:
    """The seconds of each engine, all warm, in turns."""
    for name, engine in engines.items():
        ready = [config(options, folder / f"warm_{name}_{seed}.mp4", 8, seed=seed) for seed in range(2 * engine.jobs)]
        seconds(engine, ready)
    taken: dict[str, list[float]] = {name: [] for name in engines}
    for turn in range(options.turns):
        for name, engine in engines.items():
            taken[name].append(seconds(engine, make(options, folder, f"{name}_{turn}")))
            command.say(f"{name}: {taken[name][-1]:.1f} s")
    return taken


def compare(found: Report, part: str, taken: dict[str, list[float]], limits: dict[str, float]) -> None:
    """Bars on how much quicker each engine is than one worker of this machine, and what the seconds were."""
    found.figures[part] = {f"{name}, s": report.spread(values) for name, values in taken.items()}
    one = report.spread(taken["one"])["median"]
    for name, limit in limits.items():
        found.at_least(f"{part}: {name} over one worker", one / report.spread(taken[name])["median"], limit)


def run_renders(options: argparse.Namespace, found: Report, folder: Path) -> None:
    with LocalEngine(1, gpus=0) as one, LocalEngine(2, gpus=0) as two:
        compare(found, "8 renders", turns(options, folder, {"one": one, "two": two}, zooms), {"two": 1.6})


def run_clip(options: argparse.Namespace, found: Report, folder: Path) -> None:
    with LocalEngine(1, gpus=0) as one, LocalEngine(2, gpus=0) as two:
        taken = turns(options, folder, {"one": one, "two": two}, clip)
    compare(found, "a clip of 4 shots", taken, {"two": 1.5})
    same(found, "a clip of 4 shots", folder, "two")


def same(found: Report, part: str, folder: Path, name: str) -> None:
    whole, parts = (frame_checksums(folder / f"{which}_0.mp4") for which in ("one", name))
    differing = sum(left != right for left, right in zip(whole, parts, strict=True))
    found.at_most(f"{part}: frames that differ, {name}", differing, 0)


def run_ray(options: argparse.Namespace, found: Report, folder: Path) -> None:
    if importlib.util.find_spec("ray") is None:
        found.skipped["ray"] = "Ray is not installed (pip install 'zoomdream[ray]')"
        return
    from zoomdream.batch.ray.engine import RayEngine

    with ExitStack() as opened:
        engines: dict[str, Engine] = {
            "one": opened.enter_context(LocalEngine(1, gpus=0)),
            "two on Ray": opened.enter_context(RayEngine(None, 2, 8)),
        }
        for part, make, limit in (("8 renders on Ray", zooms, 1.5), ("a clip of 4 shots on Ray", clip, 1.5)):
            inside = folder / make.__name__
            inside.mkdir()
            compare(found, part, turns(options, inside, engines, make), {"two on Ray": limit})
            if make is clip:
                same(found, part, inside, "two on Ray")


def run_queue(options: argparse.Namespace, found: Report, folder: Path) -> None:
    """Very many tiny renders by the command itself: its own memory, how long nobody draws its table, and a second
    start, which has nothing left to do.
    """
    if sys.platform == "win32":
        found.skipped["queue"] = "Windows has no terminals to listen to"
        return
    count = 24 if options.quick else 500
    tiny = {"size": [32, 32], "dream": {"octaves": 1, "steps": 1, "warmup": 0}, "encode": {"preset": "ultrafast"}}
    tree = {"output": "out/{seed}.mp4", "matrix": {"seed": list(range(count))}}
    listed = folder / "queue.yaml"
    listed.write_text(config(options, folder / "queue.mp4", 3, **tiny).to_yaml(), encoding="utf-8")
    listed.with_name("many.yaml").write_text(json.dumps({"extends": listed.name, **tree}), encoding="utf-8")
    night, again = (queues.run(listed.with_name("many.yaml"), 2) for _ in range(2))
    found.figures["queue"] = {
        "renders": count,
        "seconds": night.seconds,
        "seconds of the second start": again.seconds,
        "driver's memory after a tenth, MiB": night.early,
        "most of it, MiB": max(night.memory),
        "seconds between two drawings": report.spread(night.gaps),
        "what became of them": night.counts,
        "of the second start": again.counts,
    }
    found.at_least(f"{count} renders: done", night.counts.get("done", 0), count)
    found.at_least(f"{count} renders: nothing to do at the second start", again.counts.get("skipped", 0), count)
    found.at_most(
        f"{count} renders: driver's memory, most over that after a tenth", max(night.memory) / night.early, 1.05
    )
    found.at_most(f"{count} renders: longest time between two drawings, s", max(night.gaps), 1)


PARTS: dict[str, command.Part] = {"renders": run_renders, "clip": run_clip, "ray": run_ray, "queue": run_queue}
