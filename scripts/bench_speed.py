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
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from benchmarks import report
from benchmarks.dreamers import find_weights, missing
from benchmarks.report import Report
from speed import accuracy, comparing, gpu, scale, starting, tables, weights
from speed.timing import Clock, Setting, say

from zoomdream.errors import ZoomdreamError

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


def size_of(text: str) -> tuple[int, int]:
    width, height = text.lower().split("x")
    return int(width), int(height)


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the same figures from less work, a minute")
    parser.add_argument("--only", action="append", choices=PARTS, help="a part; may be repeated")
    parser.add_argument("--googlenet", type=Path, metavar="FILE", help="weights of BVLC GoogLeNet")
    parser.add_argument("--threads", type=int, help="of the processor (default: torch's choice)")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="which seconds (default: wall)")
    parser.add_argument(
        "--precision", action="append", choices=("float32", "bfloat16"), help="of renders and floors; may be repeated"
    )
    parser.add_argument("--size", type=size_of, metavar="WxH", help="of what is compared (default: 640x360)")
    parser.add_argument("--rounds", type=int, help="turns of each who is compared (default: 2, quick: 1)")
    parser.add_argument("--json", type=Path, help="write everything there")
    parser.add_argument("--markdown", type=Path, help="put the tables into this page, at their place for bench_speed")
    parser.add_argument("--read", type=Path, metavar="JSON", help="measure nothing, show what an earlier run wrote")
    chosen = parser.parse_args(words)
    chosen.rounds = chosen.rounds or (1 if chosen.quick else 2)
    return chosen


def main(words: Sequence[str] | None = None) -> int:
    options = arguments(words)
    if options.markdown:  # before a quarter of an hour of work
        report.insert(options.markdown.read_text(encoding="utf-8"), "bench_speed", "")
    if options.read:
        document = report.read_json(options.read)
    else:
        try:
            document = measure(options)
        except ZoomdreamError as error:
            print(error, file=sys.stderr)
            return error.exit_code
    print(tables.to_text(document))
    print(report.to_text(document))
    if options.markdown:
        page = options.markdown.read_text(encoding="utf-8")
        section = report.to_markdown(document) + tables.to_markdown(document)
        options.markdown.write_text(report.insert(page, "bench_speed", section), encoding="utf-8")
    return 0


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run the chosen parts; returns the report's document."""
    if options.threads:
        torch.set_num_threads(options.threads)
    found = Report()
    if reason := missing("dreamnet"):
        found.skipped["everything"] = reason
        return found.document()
    with tempfile.TemporaryDirectory(prefix="bench_speed_", ignore_cleanup_errors=True) as folder:
        setting = make_setting(options, Path(folder))
        if setting.random_googlenet:
            found.skipped["GoogLeNet's own weights"] = "none here; random ones of the same shapes are as quick"
        for name, part in PARTS.items():
            if name in (options.only or PARTS):
                begin = time.perf_counter()
                say(f"{name}:")
                part(setting, found)
                say(f"{name}: {time.perf_counter() - begin:.0f} s")
                if options.json:  # what there is, should the next part fail
                    report.write_json(options.json, found.document())
    return found.document()


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


if __name__ == "__main__":
    sys.exit(main())
