"""What a benchmark found: figures, the bars they are held to, what was skipped; as a table, as JSON, as Markdown."""

from __future__ import annotations

import json
import math
import os
import platform
import re
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from zoomdream import ffmpeg
from zoomdream.version import __version__

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Report:
    """Collects figures (nested, by part), bars (name: value, limit, holds) and skipped parts (name: reason)."""

    figures: dict[str, Any] = field(default_factory=dict)
    bars: dict[str, dict[str, Any]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def at_most(self, name: str, value: float, limit: float) -> None:
        """A bar that holds where value <= limit; never where the value is not a number."""
        self._bar(name, value, limit, value <= limit)

    def at_least(self, name: str, value: float, limit: float) -> None:
        """A bar that holds where value >= limit."""
        self._bar(name, value, limit, value >= limit)

    def within(self, name: str, value: float, limit: tuple[float, float]) -> None:
        """A bar that holds where the value lies in the range."""
        self._bar(name, value, list(limit), limit[0] <= value <= limit[1])

    def _bar(self, name: str, value: float, limit: float | list[float], holds: bool) -> None:
        self.bars[name] = {"value": value, "limit": limit, "holds": bool(holds)}

    def document(self) -> dict[str, Any]:
        """Plain values, ready for JSON; numbers to five digits, nan as null."""
        parts = {"machine": machine(), "figures": self.figures, "bars": self.bars, "skipped": self.skipped}
        return {name: _plain(part) for name, part in parts.items()}


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, quartiles and ends of a sample."""
    if not values:
        return {"median": math.nan}
    ordered = sorted(values)
    quarters = statistics.quantiles(ordered, n=4, method="inclusive") if len(ordered) > 1 else ordered * 3
    return {
        "median": statistics.median(ordered),
        "quartiles": [quarters[0], quarters[2]],
        "ends": [ordered[0], ordered[-1]],
    }


def machine() -> dict[str, Any]:
    """What the numbers were made on: processor, cores, GPU, versions, commit, day."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "zoomdream": __version__,
        "ffmpeg": ffmpeg.version(ffmpeg.executable()),
        "commit": _commit(),
        "day": datetime.now(UTC).date().isoformat(),
    }


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()


def _commit() -> str:
    """The commit, with "+" where the package or the benchmarks differ from it; "unknown" outside of a repository."""
    try:
        commit = _git("rev-parse", "--short", "HEAD")
        return commit + ("+" if _git("status", "--porcelain", "--", "zoomdream", "scripts") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value


def number(value: Any) -> str:
    """A value or a limit for people: three digits, ranges as "low to high"."""
    if isinstance(value, list):
        return " to ".join(number(inner) for inner in value)
    return "none" if value is None else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def to_text(document: Mapping[str, Any]) -> str:
    """The bars and what was skipped, as a table for the terminal."""
    bars = document["bars"]
    rows = [
        (name, number(bar["value"]), number(bar["limit"]), "holds" if bar["holds"] else "FAILS")
        for name, bar in bars.items()
    ]
    table = [("bar", "value", "limit", ""), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(4)]
    lines = [
        f"{name:<{widths[0]}}  {value:>{widths[1]}}  {limit:>{widths[2]}}  {holds}".rstrip()
        for name, value, limit, holds in table
    ]
    lines += [f"skipped: {name}: {reason}" for name, reason in document["skipped"].items()]
    failing = sum(not bar["holds"] for bar in bars.values())
    return "\n".join([*lines, f"{len(bars) - failing} of {len(bars)} bars hold."])


def _cell(bar: Mapping[str, Any]) -> str:
    return number(bar["value"]) if bar["holds"] else f"**{number(bar['value'])} ✗**"


def to_markdown(document: Mapping[str, Any]) -> str:
    """Machine, bars and what was skipped, as a section of docs/benchmarks.md.

    Bars are named "subject: figure"; figures of several subjects with the same limit make one table with a column for
    each.
    """
    facts = document["machine"]
    cores = "core" if facts["cores"] == 1 else "cores"
    lines = [
        f"{facts['processor']}, {facts['cores']} {cores} ({facts['threads']} used)"
        f"{', ' + facts['gpu'] if facts['gpu'] else ''}; torch {facts['torch']}, ffmpeg {facts['ffmpeg']}, "
        f"zoomdream {facts['zoomdream']} at {facts['commit']}; {facts['day']}.",
    ]
    by_figure: dict[tuple[str, str], dict[str, Any]] = {}
    for name, bar in document["bars"].items():
        subject, _, figure = name.partition(": ")
        by_figure.setdefault((figure, number(bar["limit"])), {})[subject] = bar
    shared = {figure: bars for figure, bars in by_figure.items() if len(bars) > 1}
    single = {figure: bars for figure, bars in by_figure.items() if len(bars) == 1}
    subjects = list(dict.fromkeys(subject for bars in shared.values() for subject in bars))
    if shared:
        lines += ["", f"| bar | limit | {' | '.join(subjects)} |", "|---|--:|" + "--:|" * len(subjects)]
    for (figure, limit), bars in shared.items():
        cells = (_cell(bars[subject]) if subject in bars else "" for subject in subjects)
        lines.append(f"| {figure} | {limit} | {' | '.join(cells)} |")
    if single:
        lines += ["", "| bar | limit | value |", "|---|--:|--:|"]
    for (figure, limit), bars in single.items():
        ((subject, bar),) = bars.items()
        lines.append(f"| {subject}: {figure} | {limit} | {_cell(bar)} |")
    lines += (
        ["", "Values in bold with a cross fail."] if not all(bar["holds"] for bar in document["bars"].values()) else []
    )
    if document["skipped"]:
        lines += ["", "Skipped:", ""]
        lines += [f"- {name}: {reason}" for name, reason in document["skipped"].items()]
    return "\n".join(lines) + "\n"


def insert(page: str, name: str, section: str) -> str:
    """The page with `section` between `<!-- NAME -->` and `<!-- /NAME -->`. ValueError where it has no such place."""
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    if page.count(begin) != 1 or page.count(end) != 1:
        raise ValueError(f"the page needs the lines {begin.strip()} and {end}, once each")
    head, _, rest = page.partition(begin)
    return head + begin + section + end + rest.partition(end)[2]


def read_json(path: Path) -> dict[str, Any]:
    """A document that an earlier run wrote."""
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
