"""Tries to break zoomdream: kills, signals, full disks, damaged and hostile files, configs, names, and clusters.

    python scripts/torture_zoomdream.py --quick                             of everything a little, under two minutes
    python scripts/torture_zoomdream.py --json build/torture.json           of everything as much as is promised
    python scripts/torture_zoomdream.py --only kills --count 30 --json build/torture.json --add     and 30 more

A trial's number is its seed, so that each can be tried again: `--only kills --first 17 --count 1`. What is written
there is added to with `--add`, also after an interruption. Ends with exit code 1 where anything broke. What is
promised, and the newest full run: docs/reliability.md.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench import command
from bench.files import damage
from bench.report import Report
from bench.tables import Document, Rows
from torture import batches, cluster, endurance, folders, inputs, kills, terminal, texts
from torture.commands import Outcome

_ENDS = ("right", "refused", "faults")
_SECONDS_BETWEEN_WRITING = 20.0
_MOST_SHOWN = 5  # faults of each part


LONGEST = 10.0
"""Seconds that a text or a file may take."""


class Part(NamedTuple):
    """Trials by their numbers, in a folder; how many there are in a full run, and in a quick one. slowest: whether a
    trial has a limit of time of its own.
    """

    try_out: Callable[[range, Path], Iterator[Outcome]]
    full: int
    quick: int
    slowest: bool = False


PARTS = {
    "kills": Part(kills.kills, 40, 2),
    "signals": Part(kills.signals, 45, 2),
    "disk": Part(kills.disk, 45, 2),
    "batches": Part(batches.batches, 42, 1),
    "ray": Part(cluster.ray, 16, 0),
    "folders": Part(folders.folders, 500, 6),
    "endurance": Part(endurance.endurance, 3, 1),
    "names": Part(terminal.names, 300, 8),
    "configs": Part(texts.trying("config"), 10_000, 200, True),
    "expressions": Part(texts.trying("expression"), 10_000, 200, True),
    "overrides": Part(texts.trying("override"), 5_000, 100, True),
    "matrices": Part(texts.trying("matrix"), 2_000, 60, True),
    "clips": Part(inputs.damaged("clip", damage.originals), 1_000, 30, True),
    "pictures": Part(inputs.damaged("picture", inputs.pictures, inputs.hostile_picture), 2_000, 150, True),
    "weights": Part(inputs.damaged("weights", inputs.weights, inputs.hostile_weights), 10_000, 200, True),
    "playlists": Part(inputs.playlists, 200, 14, True),
}


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = command.parser("torture", __doc__, PARTS)
    parser.add_argument("--count", type=int, help="of trials in each part")
    parser.add_argument("--first", type=int, help="number of the first trial")
    parser.add_argument("--add", action="store_true", help="add to what --json holds already, and go on from there")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    options = arguments(words)
    made: list[Document] = []

    def measure(options: argparse.Namespace) -> Document:
        made.append(run(options))
        return made[0]

    code = command.run(options, measure, tables)
    return code or int(any(not bar["holds"] for document in made for bar in document["bars"].values()))


def run(options: argparse.Namespace) -> Document:
    """Run the chosen parts; returns the report's document."""
    found = Report()
    if options.add and options.json and options.json.exists():
        before = json.loads(options.json.read_text(encoding="utf-8"))
        found.figures, found.skipped = before["figures"], before["skipped"]
    command.run_parts(options, found, {name: _counting(name, part) for name, part in PARTS.items()})
    small = options.quick or options.count is not None or bool(options.only)
    add_bars(found, [] if small else list(PARTS))
    if options.json:
        command.write_json(options.json, found.document())
    return found.document()


def add_bars(found: Report, promised: Sequence[str]) -> None:
    """promised: parts of which there must be as many trials as in a full run."""
    told = found.figures
    limited = [told[name]["slowest"] for name, part in PARTS.items() if part.slowest and name in told]
    found.at_most("trials: that broke something", sum(sum_of(part, "faults") for part in told.values()), 0)
    if limited:
        found.at_most("slowest text or file: seconds", max(limited), LONGEST)
    if promised:
        short = [name for name in promised if name not in told or sum_of(told[name], "trials") < PARTS[name].full]
        found.at_most("parts: with fewer trials than a full run", len(short), 0)


def sum_of(told: Mapping[str, Any], figure: str) -> int:
    return sum(row[figure] for row in told["kinds"].values())


def _counting(name: str, part: Part) -> command.Part:
    """A part that counts how its trials ended, and writes that now and then."""

    def count(options: argparse.Namespace, found: Report, folder: Path) -> None:
        told = found.figures.setdefault(name, {"next": 0, "slowest": 0.0, "memory": 0.0, "kinds": {}, "faults": []})
        first = told["next"] if options.first is None else options.first
        wanted = options.count if options.count is not None else part.quick if options.quick else part.full
        if options.add and options.count is None:
            wanted = max(0, wanted - first)
        written = time.monotonic()
        for number, outcome in enumerate(part.try_out(range(first, first + wanted), folder), first):
            row = told["kinds"].setdefault(outcome.kind, dict.fromkeys(("trials", "blows", *_ENDS), 0))
            row["trials"] += 1
            row["blows"] += outcome.blows
            row["faults" if outcome.ended == "fault" else outcome.ended] += 1
            told["next"] = max(told["next"], number + 1)
            told["slowest"] = max(told["slowest"], outcome.seconds)
            told["memory"] = max(told["memory"], outcome.memory)
            if outcome.ended == "fault":
                told["faults"].append(outcome.fault)
                command.say(f"  {name}: {outcome.fault[:2000]}")
            if options.json and time.monotonic() - written > _SECONDS_BETWEEN_WRITING:
                written = time.monotonic()
                command.write_json(options.json, found.document())

    return count


def tables(figures: Mapping[str, Any]) -> Iterator[tuple[str, Rows]]:
    """How the trials ended, and what broke. MiB: by which the memory of a process grew over all of its trials."""
    rows = [["", "trials", "of", "kills, signals", *_ENDS, "slowest, s", "MiB"]]
    for name, part in PARTS.items():
        if name in figures:
            told = figures[name]
            counts = [sum_of(told, figure) for figure in ("trials", "blows", *_ENDS)]
            shown = [f"{count:,}" if count else "" for count in counts[1:3]]
            limits = [
                f"{told['slowest']:.1f}" if told["slowest"] else "",
                f"{told['memory']:.0f}" if told["memory"] else "",
            ]
            rows.append([name, f"{counts[0]:,}", f"{part.full:,}", *shown, f"{counts[3]:,}", f"{counts[4]:,}", *limits])
    yield "trials", rows
    if faults := [
        [" ".join(fault.split())[:200]] for told in figures.values() for fault in told["faults"][:_MOST_SHOWN]
    ]:
        yield "what broke", [["fault"], *faults]
