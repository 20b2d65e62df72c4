"""What a benchmark found: figures, the bars they are held to, what was skipped, and the machine that it ran on."""

from __future__ import annotations

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
FEATURES = {"avx2": "AVX2", "avx512_f": "AVX-512", "avx512_bf16": "AVX-512 bf16", "amx_bf16": "AMX bf16"}
"""Of the processor, as PyTorch calls them: what decides which kernels run."""


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
    """What the numbers were made on: processor and its features, cores, GPU, versions, commit, day."""
    return {
        "processor": _processor(),
        "features": [name for feature, name in FEATURES.items() if torch.cpu.get_capabilities().get(feature)],
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
