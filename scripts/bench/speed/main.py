"""Speed, measured: how close is a render to the bare passes of its network, and how far ahead of the usual way?

    python scripts/bench_speed.py --quick                                      the same figures from less work
    python scripts/bench_speed.py --json build/speed.json                      everything, a quarter of an hour
    python scripts/bench_speed.py --only efficiency --precision bfloat16 --threads 1 --clock cpu

What each figure means stands in docs/benchmarks.md. Nothing else should run meanwhile; where something does, one thread
and --clock cpu give ratios that can be trusted all the same. GoogLeNet's weights come from --googlenet or from the
folder that ZOOMDREAM_ASSETS names; without them random ones of the same shapes are as quick.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from bench import command
from bench.dreamers import find_weights, missing
from bench.report import Report
from bench.speed import accuracy, comparing, gpu, scale, starting, weights
from bench.speed.timing import Clock, Setting
from bench.tables import Document, Rows, rows_of

Part = Callable[[Setting, Report], None]
PARTS: dict[str, Part] = {
    "efficiency": comparing.efficiency,
    "rivals": comparing.against_rivals,
    "dreamnet": comparing.dreamnet,
    "scale": scale.measure,
    "start": starting.start,
    "prediction": starting.prediction,
    "precision": accuracy.measure,
    "gpu": gpu.measure,
}


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = command.parser("bench_speed", __doc__, PARTS)
    parser.add_argument("--googlenet", type=Path, metavar="FILE", help="weights of BVLC GoogLeNet")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="which seconds (default: wall)")
    parser.add_argument(
        "--precision", action="append", choices=("float32", "bfloat16"), help="of renders and floors; may be repeated"
    )
    parser.add_argument("--size", type=command.size_of, metavar="WxH", help="of what is compared (default: 640x360)")
    parser.add_argument("--rounds", type=int, help="turns of each who is compared (default: 2, quick: 1)")
    chosen = parser.parse_args(words)
    chosen.rounds = chosen.rounds or (1 if chosen.quick else 2)
    return chosen


def main(words: Sequence[str] | None = None) -> int:
    return command.run(arguments(words), measure, tables)


def tables(figures: Mapping[str, Any]) -> Iterator[tuple[str, Rows]]:
    """One table per part; of those of the rivals one for each."""
    for part, rows in figures.items():
        yield from ((title, rows_of(inner)) for title, inner in (rows.items() if part == "rivals" else [(part, rows)]))


def measure(options: argparse.Namespace) -> Document:
    """Run the chosen parts; returns the report's document."""
    found = Report()
    if reason := missing("dreamnet"):
        found.skipped["everything"] = reason
        return found.document()
    with tempfile.TemporaryDirectory(prefix="bench_speed_", ignore_cleanup_errors=True) as folder:
        setting = make_setting(options, Path(folder))
        if setting.random_googlenet:
            found.skipped["GoogLeNet's own weights"] = "none here; random ones of the same shapes are as quick"

        def with_setting(part: Part) -> command.Part:
            return lambda options, found, folder: part(replace(setting, folder=folder), found)

        return command.run_parts(options, found, {name: with_setting(part) for name, part in PARTS.items()})


def make_setting(options: argparse.Namespace, folder: Path) -> Setting:
    googlenet = options.googlenet or find_weights("googlenet")
    return Setting(
        clock=Clock(options.clock),
        threads=torch.get_num_threads(),
        precisions=tuple(dict.fromkeys(options.precision or precisions()[-1 if options.quick else 0 :])),
        rounds=options.rounds,
        quick=options.quick,
        googlenet=googlenet or weights.random_googlenet(folder / "googlenet.pth"),
        torchvision=weights.random_torchvision(folder / "torchvision.pth"),
        random_googlenet=googlenet is None,
        folder=folder,
        size=options.size,
    )


def precisions() -> list[str]:
    """float32, and bfloat16 where the processor multiplies it."""
    units = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return ["float32", *(["bfloat16"] if units.get("avx512_bf16") or units.get("amx_bf16") else [])]
