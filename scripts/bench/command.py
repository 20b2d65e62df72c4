"""What the benchmarks have in common as commands: their options, and what becomes of what they found."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import torch
from bench.report import Report
from bench.tables import Document, Tables, insert, to_markdown, to_text

from zoomdream.errors import ZoomdreamError
from zoomdream.machine.startup import keep_freed_memory

Part = Callable[[argparse.Namespace, Report, Path], None]
"""Measures something in an empty folder, and puts it into the report."""


def parser(name: str, doc: str | None, parts: Collection[str]) -> argparse.ArgumentParser:
    """The options that all benchmarks have; `name` is also that of the place in a page of documentation."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.set_defaults(name=name)
    made.add_argument("--quick", action="store_true", help="the same figures from less work, under a minute")
    made.add_argument("--only", action="append", choices=list(parts), help="a part; may be repeated")
    made.add_argument("--threads", type=int, help="of the processor (default: torch's choice)")
    made.add_argument("--json", type=Path, help="write everything there")
    made.add_argument("--markdown", type=Path, help=f"put the tables into this page, at its place for {name}")
    made.add_argument("--read", type=Path, metavar="JSON", help="measure nothing, show what an earlier run wrote")
    return made


def size_of(text: str) -> tuple[int, int]:
    """(width, height) of `WIDTHxHEIGHT`."""
    width, height = text.lower().split("x")
    return int(width), int(height)


def run(
    options: argparse.Namespace,
    measure: Callable[[argparse.Namespace], Document],
    tables: Callable[[Mapping[str, Document]], Tables] = lambda figures: (),
) -> int:
    """Measure, or read what was measured; print it, write it. tables: those of the figures, beside that of the bars.

    Returns the exit code. ValueError where the page has no place for it.
    """
    if options.markdown:  # before an hour of work
        insert(options.markdown.read_text(encoding="utf-8"), options.name, "")
    if options.threads:
        torch.set_num_threads(options.threads)
    keep_freed_memory()  # as the command `zoomdream` does
    try:
        document = json.loads(options.read.read_text(encoding="utf-8")) if options.read else measure(options)
    except ZoomdreamError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    shown = list(tables(document["figures"]))
    print(to_text(document, shown))
    if options.json and not options.read:
        write_json(options.json, document)
    if options.markdown:
        page = options.markdown.read_text(encoding="utf-8")
        options.markdown.write_text(insert(page, options.name, to_markdown(document, shown)), encoding="utf-8")
    return 0


def run_parts(options: argparse.Namespace, found: Report, parts: Mapping[str, Part]) -> Document:
    """Run the chosen parts, each in a folder of its own; returns the report's document."""
    for name in dict.fromkeys(options.only or parts):
        with tempfile.TemporaryDirectory(prefix=f"{options.name}_", ignore_cleanup_errors=True) as folder:
            say(f"{name}:")
            begin = time.perf_counter()
            parts[name](options, found, Path(folder))
            say(f"{name}: {time.perf_counter() - begin:.0f} s")
        if options.json:  # what there is, should the next part fail
            write_json(options.json, found.document())
    return found.document()


def write_json(path: Path, document: Document) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def say(text: str) -> None:
    """A line about how far it is."""
    print(text, file=sys.stderr, flush=True)
