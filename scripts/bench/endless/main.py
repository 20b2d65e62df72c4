"""Endless zooms, measured: do they stay level, natural, fresh and true to the camera; do they survive being killed?

    python scripts/bench_endless.py --quick                                                    under a minute
    python scripts/bench_endless.py --json build/endless.json --markdown docs/benchmarks.md    everything, about an hour
    python scripts/bench_endless.py --only quality --network dreamnet --layer mixed4d --set dream.noise=0.05

What each figure means stands in docs/benchmarks.md. GoogLeNet's weights and the photographs come from the folder that
ZOOMDREAM_ASSETS names; without them their figures are skipped.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
from collections.abc import Sequence
from pathlib import Path

from bench import command, processes, report
from bench.dreamers import ENDLESS, Dreamer, dreamers, find_weights, missing, render_config
from bench.endless import kills, natural, pivot, quality, still_camera
from bench.report import Report

from zoomdream.config import Config

SIZE, QUICK_SIZE = (320, 180), (192, 108)
FRAMES, QUICK_FRAMES = 2000, 180  # under 150 frames the windows are shorter than a channel stays in favour
KILL_SIZE, MEMORY_SIZE = (160, 96), (96, 64)


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = command.parser("bench_endless", __doc__, PARTS)
    parser.add_argument("--frames", type=int, help=f"of each quality run (default: {FRAMES})")
    parser.add_argument("--size", type=command.size_of, metavar="WxH", help="default: {}x{}".format(*SIZE))
    parser.add_argument("--network", help="one alone (default: dreamnet, and googlenet where its weights are)")
    parser.add_argument("--weights", type=Path, help="its weights file")
    parser.add_argument("--layer", action="append", default=[], help="instead of the objective; may be repeated")
    parser.add_argument(
        "--config", type=Path, default=ENDLESS, help="whose settings (default: configs/endless_zoom.yaml)"
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of that config")
    parser.add_argument("--photos", type=Path, nargs="+", default=[], help="measure the natural ranges on these files")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave the videos here, and go on with those there")
    chosen = parser.parse_args(words)
    chosen.frames = chosen.frames or (QUICK_FRAMES if chosen.quick else FRAMES)
    chosen.size = chosen.size or (QUICK_SIZE if chosen.quick else SIZE)
    return chosen


def main(words: Sequence[str] | None = None) -> int:
    return command.run(arguments(words), lambda options: command.run_parts(options, Report(), PARTS))


def config_for(
    options: argparse.Namespace, dreamer: Dreamer, output: Path, size: tuple[int, int], frames: int, *changes: str
) -> Config:
    return render_config(
        dreamer,
        output,
        size,
        frames,
        threads=options.threads,
        base=options.config,
        settings=[*options.set, *changes],
    )


def run_quality(options: argparse.Namespace, found: Report, folder: Path) -> None:
    chosen, skipped = dreamers(options.network, options.weights, options.layer, quick=options.quick)
    found.skipped.update(skipped)
    if not chosen:
        return
    folder = options.keep or folder
    folder.mkdir(parents=True, exist_ok=True)
    ranges = natural.ranges_for(options.size, options.photos)
    runs = found.figures.setdefault("quality", {})
    for dreamer in chosen:
        output = folder / f"{dreamer.name.replace(' ', '_')}.mp4"
        config = config_for(options, dreamer, output, options.size, options.frames)
        path, seconds = quality.render(config)
        judge = quality.judge_of(config)
        seen = quality.observe(path, config, judge)
        figures = quality.judge_run(found, dreamer, config, seen, quality.noise_energy(config, judge), ranges)
        runs[dreamer.name] = {"size": list(options.size), "seconds per frame": seconds, **figures}
        command.say(f"{dreamer.name}: {config.frames} frames, {seconds.get('median', math.nan):.3f} s each")


def run_camera(options: argparse.Namespace, found: Report, folder: Path) -> None:
    figures = found.figures.setdefault("camera", {})
    figures["formula, PSNR in dB"] = still_camera.formula_psnr(options.size, folder)
    found.at_least("camera alone: PSNR of a formula's picture after 1 frame", figures["formula, PSNR in dB"], 40)
    figures["magnification after 4 s"] = {}
    for name, zoom in (("constant", still_camera.CAMERA["zoom"]), ("scheduled", still_camera.SCHEDULED_ZOOM)):
        values = still_camera.magnifications(options.size, zoom, still_camera.RATES, folder)
        true = still_camera.true_magnification(zoom)
        figures["magnification after 4 s"][name] = {
            "true": true,
            **{f"{rate} fps": value for rate, value in zip(still_camera.RATES, values, strict=True)},
        }
        found.at_most(
            f"camera alone: magnification at 24, 30 and 60 fps apart, {name} zoom", max(values) / min(values) - 1, 0.001
        )
        off = max(abs(value / true - 1) for value in values)
        found.at_most(f"camera alone: magnification off the truth, {name} zoom", off, 0.001)
    folder_of_assets = os.environ.get("ZOOMDREAM_ASSETS")
    if not folder_of_assets:
        found.skipped["camera alone: photographs"] = "ZOOMDREAM_ASSETS is not set"
        return
    photos = sorted(Path(folder_of_assets, "photos").iterdir())
    values = [still_camera.photo_psnr(photo, options.size) for photo in photos[:: 3 if options.quick else 1]]
    figures["photographs, PSNR in dB"] = report.spread(values)
    found.at_least(
        "camera alone: PSNR of photographs after 1 frame (median)", figures["photographs, PSNR in dB"]["median"], 40
    )


def small_dreamer(options: argparse.Namespace) -> Dreamer | str:
    """Who dreams where it does not matter what: the network that was asked for, or one that is here; else why none."""
    if options.network or options.weights:
        name = options.network or "dreamnet"
        return missing(name, options.weights) or Dreamer(name, options.weights or find_weights(name), "mixed3b")
    for name in ("dreamnet", "googlenet"):
        if missing(name) is None:
            return Dreamer(name, find_weights(name), "mixed3b")
    return "no network has weights here"


def run_kill(options: argparse.Namespace, found: Report, folder: Path) -> None:
    dreamer = small_dreamer(options)
    if isinstance(dreamer, str):
        found.skipped["kill"] = dreamer
        return
    wanted, joining, frames = (6, 2, 60) if options.quick else (20, 4, 120)
    changes = ("dream.octaves=1", "dream.steps=1") if options.quick else ("dream.octaves=2", "dream.steps=2")
    config = config_for(options, dreamer, Path("killed.mp4"), KILL_SIZE, frames, *changes)
    figures = found.figures["kill"] = kills.measure(config.to_yaml(), folder, kills=wanted, joining_kills=joining)
    found.at_least("kill: SIGKILLs in one render", figures["kills"], wanted)
    found.at_least("kill: of these while joining", figures["kills while joining"], joining)
    found.at_most("kill: frames that differ from an undisturbed render's", figures["different frames"], 0)
    found.at_most("kill: files left behind", len(figures["left behind"]), 0)


def run_memory(options: argparse.Namespace, found: Report, folder: Path) -> None:
    dreamer = small_dreamer(options)
    if isinstance(dreamer, str):
        found.skipped["memory"] = dreamer
        return
    if not processes.can_see_memory():
        found.skipped["memory"] = "this system does not tell what processes hold (/proc)"
        return
    short, long = (60, 240) if options.quick else (200, 2000)
    changes = ("dream.octaves=1", "dream.steps=1", "encode.preset=ultrafast")
    config = config_for(options, dreamer, Path("memory.mp4"), MEMORY_SIZE, short, *changes)
    peaks = {}
    for count in (short, long):
        path = folder / f"{count}.yaml"
        sized = config.model_copy(update={"frames": count, "output": folder / f"{count}.mp4"})
        path.write_text(sized.to_yaml(), encoding="utf-8")
        peaks[count] = processes.peak_of(processes.zoomdream("render", str(path), "--quiet"))
    found.figures["memory"] = {f"peak of {count} frames, MiB": peak for count, peak in peaks.items()}
    found.at_most(f"memory: peak of {long} frames over that of {short}", peaks[long] / peaks[short], 1.05)


def run_pivot(options: argparse.Namespace, found: Report, folder: Path) -> None:
    chosen = pivot.OBJECTIVES[2:3] if options.quick else pivot.OBJECTIVES
    runs = found.figures["pivot"] = {name: pivot.measure(name, options.frames) for name in chosen}
    for place in next(iter(runs.values())):
        mean = statistics.mean(run[place] for run in runs.values())
        found.within(f"fixed pivot, no noise: energy on the {place} over that beside it", mean, (0.95, 1.05))


PARTS: dict[str, command.Part] = {
    "quality": run_quality,
    "pivot": run_pivot,
    "camera": run_camera,
    "kill": run_kill,
    "memory": run_memory,
}
