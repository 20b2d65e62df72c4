"""Files, measured: is what is read of each what it was made of?

    python scripts/bench_files.py --quick                                   a sixth of the files, under a minute
    python scripts/bench_files.py --json build/files.json                   all of them
    python scripts/bench_files.py --only damaged --keep build/damaged       and leave what was read wrong there

Every file is made here by ffmpeg, so that its truth is known: how many pictures, when each is shown, how large, of what
colours. What each figure means stands in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import command, processes
from bench.files import damage, drawing, reading
from bench.files.corpus import GROUPS
from bench.files.making import encode
from bench.report import Report
from bench.tables import Document, Rows, rows_of

from zoomdream.errors import ZoomdreamError
from zoomdream.source.clip.clip import open_clip
from zoomdream.source.clip.decode import ClipReader

QUICK_STEP, DAMAGED, QUICK_DAMAGED, LONG, QUICK_LONG = 6, 1000, 60, 10_000, 1500


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = command.parser("bench_files", __doc__, PARTS)
    parser.add_argument("clips", type=Path, nargs="*", metavar="CLIP", help="files of yours, of which jumps are tried")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave what was read wrong here")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    return command.run(arguments(words), measure, tables)


def measure(options: argparse.Namespace) -> Document:
    """Run the chosen parts; returns the report's document."""
    return command.run_parts(options, Report(), PARTS)


def run_corpus(options: argparse.Namespace, found: Report, folder: Path) -> None:
    """Each made file against its truth."""
    rows: dict[str, Any] = found.figures.setdefault("corpus", {})
    wrong: dict[str, list[str]] = found.figures.setdefault("wrong", {})
    for group, cases in GROUPS.items():
        counts = rows.setdefault(group, {"files": 0, "pictures": 0, "wrong": 0})
        for case in list(cases())[:: QUICK_STEP if options.quick else 1]:
            path = folder / f"{case.name.replace('/', '_')}.{case.suffix}"
            try:
                case.write(path)
            except RuntimeError as error:  # this ffmpeg has no such encoder
                found.skipped[case.name] = str(error)
                continue
            faults = _faults(case, path)
            counts["files"] += 1
            counts["pictures"] += len(case.truth.starts)
            counts["wrong"] += bool(faults)
            if faults:
                wrong[case.name] = faults
                _keep(options, path)
            path.unlink()
    found.at_least("corpus: files", sum(counts["files"] for counts in rows.values()), 20 if options.quick else 60)
    found.at_most("corpus: files read wrong", sum(counts["wrong"] for counts in rows.values()), 0)


def run_clips(options: argparse.Namespace, found: Report, folder: Path) -> None:
    """Jumps in files that were not made here."""
    for clip in options.clips:
        opened = open_clip(clip)
        found.figures.setdefault("clips", {})[clip.name] = {
            "pictures": len(opened.times),
            "seconds": float(opened.span),
            "rate": float(opened.fps),
            "size": f"{opened.size[1]}x{opened.size[0]}",
        }
        found.at_most(f"{clip.name}: jumps to another picture", len(list(reading.jumps(opened))), 0)


def run_damaged(options: argparse.Namespace, found: Report, folder: Path) -> None:
    """Damaged files: read, or refused with a reason."""
    whole = damage.originals(folder)
    before = set(folder.iterdir())
    rows = {suffix: Counter[str]() for suffix in whole}
    faults: list[str] = []
    silence: list[str] = []
    reader, leaked, slowest = damage.Reader(), 0, 0.0
    for number, (suffix, kind, data) in enumerate(damage.trials(whole, QUICK_DAMAGED if options.quick else DAMAGED)):
        path = folder / f"{number}_{kind}.{suffix}"
        path.write_bytes(data)
        said, row = reader.read(path), rows[suffix]
        row["files"] += 1
        row["refused"] += "refused" in said
        row["complete"] += said.get("frames", 0) >= 48
        row["losses told"] += said.get("frames", 48) < 48 and bool(said["notes"])
        silent = said.get("frames", 48) < 48 and not said["notes"]
        row["losses in silence"] += silent
        if silent:
            silence.append(f"{path.name}: {said['frames']} pictures")
        slowest = max(slowest, said.get("took", 0.0))
        leaked = max(leaked, said.get("threads", 1) - 1)
        if "fault" in said:
            faults.append(f"{path.name}: {said['fault']}")
            _keep(options, path)
        path.unlink()
    reader.close()
    found.figures["damaged"] = {suffix: dict(row) for suffix, row in rows.items()}
    found.figures["damaged faults"] = faults
    found.figures["lost in silence"] = silence
    found.at_most("damaged: tracebacks", sum("Traceback" in fault for fault in faults), 0)
    found.at_most("damaged: hangs", sum(": hang" in fault for fault in faults), 0)
    found.at_most("damaged: crashes", sum(": crash" in fault for fault in faults), 0)
    found.at_most("damaged: seconds for the slowest", slowest, damage.LONGEST)
    found.at_most("damaged: threads left behind", leaked, 0)
    found.at_most("damaged: files left behind", len(set(folder.iterdir()) - before), 0)


def run_memory(options: argparse.Namespace, found: Report, folder: Path) -> None:
    """What reading a long clip of tiny pictures holds, early and late."""
    count = QUICK_LONG if options.quick else LONG
    path = encode(folder / "long.mp4", drawing.frames(100, (32, 48)), "-vf", f"loop={count // 100 - 1}:100:0",
                  "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")  # fmt: skip
    clip = open_clip(path)
    held = []
    with ClipReader(clip, range(count), clip.size, "fill") as reader:
        for number in range(count):
            reader.frame(number)
            if number in (count // 5, count - 1):
                held.append(processes.resident(os.getpid()))
    found.figures["memory"] = {"frames": len(clip.times), "MiB early and late": held}
    found.at_most("memory: MiB that reading adds on the way", held[1] - held[0], 8)


PARTS: dict[str, command.Part] = {
    "corpus": run_corpus, "clips": run_clips, "damaged": run_damaged, "memory": run_memory,
}  # fmt: skip


def tables(figures: Mapping[str, Any]) -> Iterator[tuple[str, Rows]]:
    """Files by group, and what was wrong with which."""
    if "corpus" in figures:
        yield "made files", rows_of(figures["corpus"], "group")
    if figures.get("wrong"):
        yield (
            "read wrong",
            [["file", "fault"], *([name, "; ".join(faults)] for name, faults in figures["wrong"].items())],
        )
    if "clips" in figures:
        yield "clips", rows_of(figures["clips"], "clip")
    if "damaged" in figures:
        yield "damaged files", rows_of(figures["damaged"], "kind")
    if figures.get("damaged faults"):
        yield "faults", [["file"], *([fault] for fault in figures["damaged faults"])]


def _faults(case: reading.Case, path: Path) -> list[str]:
    try:
        return reading.faults(case, path)
    except ZoomdreamError as error:
        return [str(error)]


def _keep(options: argparse.Namespace, path: Path) -> None:
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, options.keep)
