"""The figures behind the bars as Markdown: each class, and what each prior contributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.report import number


def to_markdown(figures: Mapping[str, Any]) -> str:
    """Tables of what was measured, or nothing where nothing was. figures: those of the report's document."""
    lines: list[str] = []
    if "classes" in figures:
        lines += ["", "| class | rank for itself | rank for SqueezeNet | its probability for SqueezeNet | seconds |"]
        lines += ["|---|--:|--:|--:|--:|"]
        lines += [
            f"| {name} | {row['rank for itself']} | {row['rank for the judge']} "
            f"| {number(row['probability for the judge'])} | {number(row['seconds'])} |"
            for name, row in figures["classes"].items()
        ]
    if "priors" in figures:
        lines += ["", "| recipe | on top for itself | in SqueezeNet's top 5 | its probability, geometric mean |"]
        lines += ["|---|--:|--:|--:|"]
        for name, row in figures["priors"].items():
            own, others, chance = (row[key] for key in ("own top 1", "judge's top 5", "judge's probability"))
            lines.append(f"| {name} | {own} of {row['of']} | {others} of {row['of']} | {number(chance)} |")
    return "\n".join(lines) + "\n" if lines else ""
