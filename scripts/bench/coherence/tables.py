"""The figures of bench_coherence for people: as text and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.report import number

Table = tuple[str, list[list[str]]]  # a title, and rows of which the first is the head


def tables(document: Mapping[str, Any]) -> list[Table]:
    """One table per clip, one of the estimators and their masks, one of the costs; those that were measured."""
    figures = document["figures"]
    found = [(title(name, clip), _of_rules(clip["rules"])) for name, clip in figures.get("rules", {}).items()]
    for heading, part in (
        ("Flow on the drawn clip", "flow"),
        ("Costs at 640x360, 3 octaves, 4 steps", "costs"),
    ):
        if figures.get(part):
            found.append((heading, _of_entries(figures[part])))
    return found


def title(name: str, clip: Mapping[str, Any]) -> str:
    cuts = ", ".join(str(cut) for cut in clip["cuts"])
    return (
        f"{name}: {clip['frames']} frames{f', cut at {cuts}' if cuts else ''}; the source's own E_warp is "
        f"{_e4(clip['E_warp of the source'])}e-4, {clip['trusted pixels']:.0%} of the pixels are trusted"
    )


def _of_rules(rules: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    rows = [
        [
            "rule",
            "step size",
            "E_warp, 1e-4",
            "less the source's",
            "strength",
            "by second",
            "sharpness",
            "brightness",
            "contrast",
        ]
    ]
    for name, rule in rules.items():
        rows.append(
            [
                name,
                number(rule["step size"]),
                _e4(rule["E_warp"]),
                _e4(rule["E_warp less the source's"]),
                number(rule["strength"]),
                " ".join(f"{value:.1f}" for value in rule["strength by second"]),
                number(rule["sharpness"]),
                *(_change(rule["drift"][kind]) for kind in ("brightness", "contrast")),
            ]
        )
    return rows


def _of_entries(entries: Mapping[str, Any]) -> list[list[str]]:
    """A dict of numbers as two columns; a dict of such dicts as one row each."""
    if all(isinstance(entry, Mapping) for entry in entries.values()):
        names = list(next(iter(entries.values())))
        return [["", *names], *([key, *(number(entry[name]) for name in names)] for key, entry in entries.items())]
    return [["", "value"], *([key, number(value)] for key, value in entries.items() if not isinstance(value, Mapping))]


def to_text(document: Mapping[str, Any]) -> str:
    return "\n".join(f"{heading}\n{_aligned(rows)}\n" for heading, rows in tables(document))


def to_markdown(document: Mapping[str, Any]) -> str:
    parts = []
    for heading, rows in tables(document):
        lines = ["", f"{heading}:", "", _row(rows[0]), "|---|" + "--:|" * (len(rows[0]) - 1)]
        parts += [*lines, *(_row(row) for row in rows[1:])]
    return "\n".join([*parts, ""]) if parts else ""


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            [f"{row[0]:<{widths[0]}}", *(f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))]
        ).rstrip()
        for row in rows
    )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _e4(value: float | None) -> str:
    return "none" if value is None else f"{1e4 * value:.2f}"


def _change(value: float | None) -> str:
    return "none" if value is None else f"{value:+.1%}"
