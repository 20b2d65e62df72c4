"""A benchmark's document for people: its figures, the bars, and what was skipped, as text or as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Document = Mapping[str, Any]
Rows = Sequence[Sequence[str]]  # the first is the head
Tables = Iterable[tuple[str, Rows]]  # with their titles


def number(value: Any) -> str:
    """Three digits; ranges as "low to high"; of a sample the median, and its ends where there are several values."""
    if isinstance(value, Mapping):
        median, ends = number(value["median"]), [number(end) for end in value.get("ends", ["none"])]
        return median if ends[0] == ends[-1] else f"{median} ({ends[0]} to {ends[-1]})"
    if isinstance(value, list):
        return " to ".join(number(inner) for inner in value)
    if isinstance(value, str):
        return value
    return "none" if value is None else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def rows_of(figures: Mapping[str, Mapping[str, Any]], head: str = "") -> Rows:
    """Figures that are alike, one row for each and a column for each of their names."""
    names = list(dict.fromkeys(name for row in figures.values() for name in row))
    body = [[title, *(number(row[name]) if name in row else "" for name in names)] for title, row in figures.items()]
    return [[head, *names], *body]


def to_text(document: Document, tables: Tables) -> str:
    """Everything, in columns."""
    bars = document["bars"]
    rows = [["bar", "value", "limit", ""]]
    rows += [
        [name, number(bar["value"]), number(bar["limit"]), "holds" if bar["holds"] else "FAILS"]
        for name, bar in bars.items()
    ]
    failing = sum(not bar["holds"] for bar in bars.values())
    return "\n".join(
        [
            *(f"{title}\n{_aligned(cells)}\n" for title, cells in tables),
            _aligned(rows),
            *(f"skipped: {name}: {reason}" for name, reason in document["skipped"].items()),
            f"{len(bars) - failing} of {len(bars)} bars hold.",
        ]
    )


def _aligned(rows: Rows) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = (f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True))
        lines.append("  ".join([f"{first:<{widths[0]}}", *cells]).rstrip())
    return "\n".join(lines)


def to_markdown(document: Document, tables: Tables) -> str:
    """Machine, bars, what was skipped and the tables, as a section of docs/benchmarks.md.

    Bars are named "subject: figure"; figures of several subjects with the same limit make one table with a column for
    each.
    """
    facts = document["machine"]
    features = ", ".join(facts.get("features", []))
    lines = [
        f"{facts['processor']}{f' ({features})' if features else ''}, {facts['cores']} "
        f"{'core' if facts['cores'] == 1 else 'cores'} ({facts['threads']} used)"
        f"{', ' + facts['gpu'] if facts['gpu'] else ''}; torch {facts['torch']}, ffmpeg {facts['ffmpeg']}, "
        f"zoomdream {facts['zoomdream']} at {facts['commit']}; {facts['day']}.",
    ]
    by_figure: dict[tuple[str, str], dict[str, Any]] = {}
    for name, bar in document["bars"].items():
        subject, _, figure = name.partition(": ")
        by_figure.setdefault((figure, number(bar["limit"])), {})[subject] = bar
    shared = {figure: bars for figure, bars in by_figure.items() if len(bars) > 1}
    subjects = list(dict.fromkeys(subject for bars in shared.values() for subject in bars))
    together = [["bar", "limit", *subjects]]
    alone = [["bar", "limit", "value"]]
    for (figure, limit), bars in by_figure.items():
        if len(bars) > 1:
            together.append([figure, limit, *(_cell(bars[subject]) if subject in bars else "" for subject in subjects)])
        else:
            alone += [[f"{subject}: {figure}", limit, _cell(bar)] for subject, bar in bars.items()]
    for rows in (together, alone):
        lines += _piped(rows) if len(rows) > 1 else []
    if not all(bar["holds"] for bar in document["bars"].values()):
        lines += ["", "Values in bold with a cross fail."]
    if document["skipped"]:
        lines += ["", "Skipped:", "", *(f"- {name}: {reason}" for name, reason in document["skipped"].items())]
    for title, rows in tables:
        lines += ["", f"{title[0].upper()}{title[1:]}:", *_piped(rows)]
    return "\n".join(lines) + "\n"


def _cell(bar: Mapping[str, Any]) -> str:
    return number(bar["value"]) if bar["holds"] else f"**{number(bar['value'])} ✗**"


def _piped(rows: Rows) -> list[str]:
    head, *body = (f"| {' | '.join(row)} |" for row in rows)
    return ["", head, "|---|" + "--:|" * (len(rows[0]) - 1), *body]


def insert(page: str, name: str, section: str) -> str:
    """The page with `section` between `<!-- NAME -->` and `<!-- /NAME -->`. ValueError where it has no such place."""
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    if page.count(begin) != 1 or page.count(end) != 1:
        raise ValueError(f"the page needs the lines {begin.strip()} and {end}, once each")
    head, _, rest = page.partition(begin)
    return head + begin + section + end + rest.partition(end)[2]
