"""Classes out of noise, measured: does the network that dreamed them know them again, and does one that never saw them?

    python scripts/bench_classes.py --quick                                                  under a minute
    python scripts/bench_classes.py --json build/classes.json --markdown docs/benchmarks.md --sheet docs/classes.webp

What each figure means stands in docs/benchmarks.md. The weights come from the folder that ZOOMDREAM_ASSETS names, or
from --weights and --judge; without them the figures are skipped.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import command, report
from bench.classes import pictures
from bench.classes.judging import Verdict, fresh_crops, judged
from bench.classes.sheet import write_sheet
from bench.dreamers import ASSETS, find_weights
from bench.report import Report
from bench.tables import Rows, rows_of
from torch import Tensor, nn

from zoomdream.networks import catalog, classes
from zoomdream.types import Network

PARTS = ("classes", "priors")
JUDGE = "torchvision/squeezenet1_1"
SIZE, QUICK_SIZE = (320, 320), (192, 192)
LENGTH, QUICK_LENGTH = "1s", "0.2s"
KNOWN = 12 / 20  # of the pictures must be known to the judge
KNOWN_OF_DREAMNET = 8 / 20  # of those that dreamnet has dreamt
TOP = 5


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = command.parser("bench_classes", __doc__, PARTS)
    parser.add_argument("--class", action="append", dest="classes", metavar="NAME", help="instead of the 20")
    parser.add_argument("--network", default="googlenet", help="the network that dreams (default: googlenet)")
    parser.add_argument("--weights", type=Path, help="its weights file")
    parser.add_argument("--judged-by", default=JUDGE, metavar="NETWORK", help=f"a network (default: {JUDGE})")
    parser.add_argument("--judge", type=Path, help="the weights file of that one")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of the config")
    parser.add_argument("--sheet", type=Path, help="write a contact sheet there (.webp or .jpg)")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    return command.run(arguments(words), measure, tables)


def tables(figures: Mapping[str, Any]) -> Iterator[tuple[str, Rows]]:
    """Each class, and what each part of the recipe contributes."""
    if "classes" in figures:
        yield "the classes", rows_of(figures["classes"], "class")
    if "priors" in figures:
        yield "what each part of the recipe contributes", rows_of(figures["priors"], "recipe")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run the chosen parts; returns the report's document."""
    found = Report()
    files = {
        options.network: options.weights or find_weights(options.network),
        options.judged_by: options.judge or find_weights(options.judged_by),
    }
    for name, file in files.items():
        if file is None and name in ASSETS:
            found.skipped[name] = "no weights: set ZOOMDREAM_ASSETS, or give --weights and --judge"
    if not found.skipped:
        bench = Bench(options, files)
        for name, part in (("classes", bench.every_class), ("priors", bench.priors)):
            if name in (options.only or PARTS):
                part(found)
            if options.json:  # what there is, should the next part fail
                command.write_json(options.json, found.document())
    return found.document()


class Bench:
    """The networks that look at the pictures: the one that dreams them, and the judge."""

    def __init__(self, options: argparse.Namespace, files: dict[str, Path | None]) -> None:
        self._options, self._weights = options, files[options.network]
        self._itself = catalog.open_network(options.network, self._weights)
        self._judge = catalog.open_network(options.judged_by, files[options.judged_by])
        self._size = QUICK_SIZE if options.quick else SIZE
        self._changes = [f"duration={QUICK_LENGTH if options.quick else LENGTH}", *options.set]
        if options.threads:
            self._changes.append(f"performance.threads={options.threads}")
        self._done: dict[tuple[str, tuple[str, ...]], tuple[Tensor, Verdict, Verdict, float]] = {}

    def every_class(self, found: Report) -> None:
        names = self._options.classes or (pictures.FEW[:2] if self._options.quick else pictures.CLASSES)
        figures: dict[str, Any] = {}
        shown, own, others, seconds = [], [], [], []
        for name in names:
            picture, itself, judge, took = self._picture(name, ())
            figures[name] = {
                "rank for itself": itself.rank,
                "rank for the judge": judge.rank,
                "probability for itself": itself.probability,
                "probability for the judge": judge.probability,
                "seconds": took,
            }
            shown.append((f"{name} ({judge.rank})", picture))
            own.append(itself.rank == 1)
            others.append(judge.rank <= TOP)
            seconds.append(took)
        found.figures["classes"] = figures
        found.figures["seconds per picture"] = report.spread(seconds)
        found.at_least(f"{len(names)} classes: on top for the network itself", sum(own), len(names))
        limit = math.ceil((KNOWN_OF_DREAMNET if self._options.network == "dreamnet" else KNOWN) * len(names))
        found.at_least(f"{len(names)} classes: in the top {TOP} of {self._options.judged_by}", sum(others), limit)
        if self._options.sheet:
            write_sheet(self._options.sheet, shown, columns=5, edge=192)

    def priors(self, found: Report) -> None:
        """What each part of the recipe contributes: the same pictures without it, or with something else."""
        names = self._options.classes or (pictures.FEW[:1] if self._options.quick else pictures.FEW)
        figures = found.figures.setdefault("priors", {})
        for prior, changes in pictures.PRIORS.items():
            if self._options.quick and prior not in ("as configured", "no blur", "no views"):
                continue
            verdicts = [self._picture(name, tuple(changes)) for name in names]
            chances = [max(judge.probability, 1e-6) for _, _, judge, _ in verdicts]
            figures[prior] = {
                "judge's top 5": sum(judge.rank <= TOP for _, _, judge, _ in verdicts),
                "own top 1": sum(itself.rank == 1 for _, itself, _, _ in verdicts),
                # geometric mean
                "judge's probability": math.exp(sum(map(math.log, chances)) / len(chances)),
                "of": len(names),
            }

    def _picture(self, name: str, changes: tuple[str, ...]) -> tuple[Tensor, Verdict, Verdict, float]:
        """The picture, what the network itself and what the judge think of it, and the seconds that it took."""
        if (name, changes) not in self._done:
            config = pictures.config_for(
                name, self._options.network, self._weights, self._size, [*self._changes, *changes]
            )
            picture, seconds = pictures.dreamt(config)
            crops = fresh_crops(picture, config.seed)
            itself, judge = (self._verdict(network, crops, name) for network in (self._itself, self._judge))
            self._done[name, changes] = picture, itself, judge, seconds
            print(
                f"{name} {' '.join(changes)}: itself {itself.rank}, the judge {judge.rank} ({judge.probability:.2g}), "
                f"{seconds:.0f} s",
                file=sys.stderr,
                flush=True,
            )
        return self._done[name, changes]

    @staticmethod
    def _verdict(network: Network, crops: Tensor, name: str) -> Verdict:
        assert isinstance(network, nn.Module)
        return judged(network.float(), crops, classes.find_class(network, name))
