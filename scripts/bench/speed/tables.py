"""The figures of bench_speed for people: one table per part, as text and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.report import number

Table = tuple[str, list[list[str]]]  # a title, and rows of which the first is the head


def tables(document: Mapping[str, Any]) -> list[Table]:
    """One table per part; of those of the rivals one for each."""
    found = []
    for part, figures in document["figures"].items():
        if part == "rivals":
            found += [(title, _rows(rows)) for title, rows in figures.items()]
        else:
            found.append((part, _rows(figures)))
    return found


def _rows(figures: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    names = list(dict.fromkeys(name for row in figures.values() for name in row))
    return [
        ["", *names],
        *([title, *(cell(row[name]) if name in row else "" for name in names)] for title, row in figures.items()),
    ]


def cell(value: Any) -> str:
    """A number; of a sample the median, and its ends where there is more than one value."""
    if not isinstance(value, Mapping):
        return number(value)
    median, ends = number(value["median"]), [number(end) for end in value["ends"]]
    return median if ends[0] == ends[1] else f"{median} ({ends[0]} to {ends[1]})"


def to_text(document: Mapping[str, Any]) -> str:
    return "\n".join(f"{title}\n{_aligned(rows)}\n" for title, rows in tables(document))


def to_markdown(document: Mapping[str, Any]) -> str:
    parts = []
    for title, rows in tables(document):
        parts += ["", f"{title[0].upper()}{title[1:]}:", "", _row(rows[0]), "|---|" + "--:|" * (len(rows[0]) - 1)]
        parts += [_row(row) for row in rows[1:]]
    return "\n".join([*parts, ""]) if parts else ""


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            [f"{row[0]:<{widths[0]}}", *(f"{text:>{width}}" for text, width in zip(row[1:], widths[1:], strict=True))]
        ).rstrip()
        for row in rows
    )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
