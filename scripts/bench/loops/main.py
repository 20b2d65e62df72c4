"""Loops, measured on their decoded frames: is there a seam, does anything jump or dissolve while they close?

    python scripts/bench_loops.py --quick                                                  about a minute
    python scripts/bench_loops.py --json build/loops.json --markdown docs/benchmarks.md    everything, half an hour

What each figure means stands in docs/benchmarks.md. The control is the same film without `loop`, measured as if it were
one.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import command
from bench.dreamers import ROOT, Dreamer, render_config
from bench.endless import kills
from bench.loops import droste, seam
from bench.report import Report

import zoomdream
from zoomdream.config import Config

CONFIG = ROOT / "configs" / "loop.yaml"
SIZE, QUICK_SIZE = (320, 180), (192, 108)
FRAMES, QUICK_FRAMES = 240, 96
KILL_SIZE, KILL_FRAMES = (96, 64), 90

FILMS: Mapping[str, tuple[str, ...]] = {
    "as configured": (),
    "another seed": ("seed=8",),
    "every third frame dreamed": ("dream.every=3",),
    "constant camera": ("camera.zoom=1.35", "camera.rotate=3", "camera.pivot=[0.5, 0.5]"),
    "keyframes": ("camera.zoom={0%: 1.2, 50%: 1.5, loop: true, ease: smooth}", "dream.noise=0.02 + 0.01*sin(4*pi*u)"),
    "zoom out": ("camera.zoom=0.75", "camera.pivot=[0.5, 0.5]"),
}
"""Settings over configs/loop.yaml; --quick takes the first film alone."""


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = command.parser("bench_loops", __doc__, PARTS)
    parser.add_argument("--frames", type=int, help=f"of each film (default: {FRAMES})")
    parser.add_argument("--size", type=command.size_of, metavar="WxH", help="default: {}x{}".format(*SIZE))
    parser.add_argument("--film", action="append", choices=list(FILMS), help="one of the films; may be repeated")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of all films")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave the videos here, and go on with those there")
    chosen = parser.parse_args(words)
    chosen.frames = chosen.frames or (QUICK_FRAMES if chosen.quick else FRAMES)
    chosen.size = chosen.size or (QUICK_SIZE if chosen.quick else SIZE)
    chosen.film = chosen.film or (list(FILMS)[:1] if chosen.quick else list(FILMS))
    return chosen


def main(words: Sequence[str] | None = None) -> int:
    return command.run(arguments(words), lambda options: command.run_parts(options, Report(), PARTS))


def film(options: argparse.Namespace, name: str, folder: Path, *changes: str) -> tuple[Path, Config]:
    """A finished film and its config."""
    output = (options.keep or folder) / f"{name.replace(' ', '_')}.mkv"
    output.parent.mkdir(parents=True, exist_ok=True)
    config = render_config(
        Dreamer("dreamnet", None, None),
        output,
        options.size,
        options.frames,
        threads=options.threads,
        base=CONFIG,
        settings=["encode.codec=ffv1", *options.set, *changes],  # h264 pulses where a segment begins
    )
    return zoomdream.render(config), config


def run_zooms(options: argparse.Namespace, found: Report, folder: Path) -> None:
    figures = found.figures.setdefault("zooms", {})
    for name in options.film:
        path, config = film(options, name, folder, *FILMS[name])
        figures[name] = seam.judge(found, name, seam.observe(path, config))
        command.say(f"{name}: seam {figures[name]['seam']:.2f}, largest {figures[name]['largest']:.2f}")


def run_control(options: argparse.Namespace, found: Report, folder: Path) -> None:
    path, config = film(options, "unclosed", folder, "loop=false")
    seen = seam.observe(path, config)
    ratio = seen.differences[-1] / statistics.median(seen.differences)
    found.figures["control"] = {"seam": ratio}
    found.at_least("control, not closed: difference at the seam over the median", ratio, 5)


def run_kill(options: argparse.Namespace, found: Report, folder: Path) -> None:
    config = render_config(
        Dreamer("dreamnet", None, "mixed3b"),
        Path("killed.mp4"),
        KILL_SIZE,
        KILL_FRAMES,
        threads=options.threads,
        base=CONFIG,
        settings=["dream.octaves=1", "dream.steps=1"],
    )
    figures = found.figures["kill"] = kills.measure(config.to_yaml(), folder, kills=6, joining_kills=1)
    found.at_most("kill: frames that differ from an undisturbed render's", figures["different frames"], 0)


PARTS: dict[str, command.Part] = {"zooms": run_zooms, "control": run_control, "kill": run_kill, "droste": droste.run}
