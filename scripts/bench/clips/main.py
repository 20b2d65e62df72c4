"""Clips, measured: does the dream have the size, the frames, the rate, the length and the sound that the clip had?

    python scripts/bench_clips.py clips/*.mp4 --quick                     twelve frames of each, under a minute
    python scripts/bench_clips.py clips/* --json build/clips.json         whole clips
    python scripts/bench_clips.py --only sync                             clicks against flashes, in clips drawn here

Every clip is rendered by the command that people use, with few steps, because what is dreamt does not matter here, and
both files are read back by ffmpeg. What each figure means stands in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml
from bench import command, processes, report
from bench.clips import facts as clips_facts
from bench.clips import sync as clips_sync
from bench.clips.facts import Facts
from bench.report import Report
from bench.tables import Rows, rows_of

PARTS = ("clips", "sync")
SAMPLE = report.ROOT / "configs" / "clip_sample.mp4"
QUICK_START, QUICK_END = 6, 18  # frames of the clip
CHEAP = ["dream.octaves=1", "dream.steps=1", "dream.warmup=1", "encode.preset=ultrafast"]
FLASHING = ["dream.opacity=0.2", "dream.octaves=1", "dream.steps=1", "dream.warmup=0", "flow.cuts=off"]


@dataclass(frozen=True)
class Case:
    """A clip that is drawn to be rendered: rate, lateness of its sound, its container and encoder, the part that is
    rendered, and the video that it becomes."""

    fps: Fraction
    late: Fraction
    source: str
    audio: str
    part: tuple[str, str] | None
    ending: str

    @property
    def name(self) -> str:
        part = f", {self.part[0]} to {self.part[1]} s" if self.part else ""
        late = f", sound {float(self.late):+g} s" if self.late else ""
        return f"{float(self.fps):.6g} fps, {self.audio} in {self.source}{late}{part}, to {self.ending}"


NTSC, FILM = Fraction(30000, 1001), Fraction(24000, 1001)
CASES = [
    Case(NTSC, Fraction(0), "mp4", "aac", None, "mp4"),
    Case(FILM, Fraction(1, 2), "mp4", "aac", None, "mp4"),
    Case(NTSC, Fraction(-3, 10), "mkv", "libopus", None, "mp4"),
    Case(FILM, Fraction(0), "mp4", "aac", ("0.77", "3.4"), "mp4"),
    Case(Fraction(25), Fraction(1, 2), "mov", "pcm_s16le", ("0.2", "2.5"), "webm"),
    Case(NTSC, Fraction(1, 2), "webm", "libopus", None, "webm"),
    Case(FILM, Fraction(-3, 10), "mkv", "libmp3lame", ("1.1", "3.9"), "mkv"),
]


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = command.parser("bench_clips", __doc__, PARTS)
    parser.add_argument("clips", type=Path, nargs="*", metavar="CLIP", help=f"default: {SAMPLE.name}")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of every render")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave the videos here")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    return command.run(arguments(words), measure, tables)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run the chosen parts; returns the report's document."""
    found = Report()
    with tempfile.TemporaryDirectory(prefix="bench_clips_", ignore_cleanup_errors=True) as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        if "clips" in (options.only or PARTS):
            for clip in options.clips or [SAMPLE]:
                run_clip(found, clip, folder, quick=options.quick, settings=options.set)
        if "sync" in (options.only or PARTS):
            for case in CASES[: 3 if options.quick else None]:
                run_case(found, case, folder, options.set)
    return found.document()


def render(source: Path, output: Path, part: tuple[str, str] | None, settings: Sequence[str]) -> None:
    """Render a clip by the public command. RuntimeError with its words where that fails."""
    about: dict[str, Any] = {"kind": "video", "path": str(source.absolute())}
    if part:
        about |= {"start": part[0], "end": part[1]}
    config = output.with_suffix(".yaml")
    config.write_text(yaml.safe_dump({"output": str(output), "source": about, "seed": 1}), encoding="utf-8")
    words = [word for setting in settings for word in ("--set", setting)]
    command = processes.zoomdream("render", str(config), "--quiet", "--restart", *words)
    result = subprocess.run(command, capture_output=True, text=True, env=processes.environment())
    if result.returncode != 0:
        raise RuntimeError(f"{source.name}: exit code {result.returncode}: {result.stderr.strip()[-1000:]}")


def run_clip(found: Report, clip: Path, folder: Path, *, quick: bool, settings: Sequence[str]) -> None:
    """One file: render it, read both, and hold the one against the other."""
    name, output = clip.stem, folder / f"{clip.stem}_dream.mp4"
    part = (f"{QUICK_START}f", f"{QUICK_END}f") if quick else None
    try:
        render(clip, output, part, [*CHEAP, *settings])
        source, dreamt = clips_facts.read(clip), clips_facts.read(output)
    except (RuntimeError, subprocess.CalledProcessError) as error:
        found.skipped[name] = str(error)
        found.at_least(f"{name}: rendered", 0, 1)
        return
    start = QUICK_START / dreamt.rate if quick else Fraction(0)
    seconds = (QUICK_END - QUICK_START) / dreamt.rate if quick else source.seconds
    figures = compare(source, dreamt, start, seconds, whole=not quick)
    found.figures.setdefault("clips", {})[name] = figures
    hold(found, name, figures)


def compare(source: Facts, dreamt: Facts, start: Fraction, seconds: Fraction, *, whole: bool) -> dict[str, Any]:
    """The dream of `seconds` from `start` on (whole: of all) against its source."""
    even = tuple(edge - edge % 2 for edge in source.size)
    frames = len(source.times) if whole and source.steady else round(seconds * dreamt.rate)
    lies, likeness = clips_facts.upright(source, start, dreamt)
    figures = {
        "size": [list(source.size), list(even), list(dreamt.size)],
        "lies": lies,
        "likeness": likeness,
        "steady": source.steady,
        "frames": [len(source.times), frames, len(dreamt.times)],
        "rate": [float(source.rate), float(dreamt.rate)],
        "seconds": [float(source.seconds), float(seconds), float(dreamt.seconds)],
        "seconds apart, in frames": float(abs(dreamt.seconds - seconds) * dreamt.rate),
        "sound": [source.heard, dreamt.heard],
    }
    if source.heard and dreamt.heard:
        first, second, told_from = clips_facts.sound_late(source, start, dreamt)
        figures |= {"sound late, s": [first, second], "sound told from": told_from}
        figures["sound apart, in frames"] = max(abs(first), abs(second)) * float(dreamt.rate)
    return figures


def hold(found: Report, name: str, figures: dict[str, Any]) -> None:
    """The bars of one clip."""
    _, wanted, size = figures["size"]
    found.at_most(f"{name}: pixels off the size", max(abs(a - b) for a, b in zip(wanted, size, strict=True)), 0)
    found.at_least(f"{name}: upright", float(figures["lies"] == "upright"), 1)
    _, expected, frames = figures["frames"]
    found.at_most(f"{name}: frames too many or too few", abs(frames - expected), 0)
    if figures["steady"]:
        before, after = figures["rate"]
        found.at_most(f"{name}: rate off", abs(after / before - 1), 0.001)
    found.at_most(f"{name}: duration off, in frames", figures["seconds apart, in frames"], 0.5)
    has, gets = figures["sound"]
    found.at_most(f"{name}: sound lost or made up", float(bool(has) != bool(gets)), 0)
    if "sound apart, in frames" in figures:
        found.at_most(f"{name}: sound off, in frames", figures["sound apart, in frames"], 0.5)


def run_case(found: Report, case: Case, folder: Path, settings: Sequence[str]) -> None:
    """Clicks against flashes in the dream of a clip that is drawn here."""
    number = CASES.index(case)
    source, output = folder / f"sync_{number}.{case.source}", folder / f"sync_{number}_dream.{case.ending}"
    clips_sync.write_clip(source, fps=case.fps, late=case.late, audio=case.audio, size=(96, 64))
    name = f"sync {case.name}"
    try:
        before = clips_sync.measure(source)
        render(source, output, case.part, [*FLASHING, *settings])
        after = clips_sync.measure(output)
    except (RuntimeError, ValueError) as error:
        found.skipped[name] = str(error)
        found.at_least(f"{name}: rendered", 0, 1)
        return
    worst = after.worst * float(case.fps)
    found.figures.setdefault("sync", {})[name] = {
        "source, ms": [1000 * error for error in before.errors],
        "dream, ms": [1000 * error for error in after.errors],
        "dream, in frames": worst,
    }
    found.at_most(f"click against flash, in frames: {case.name}", worst, 0.5)


def tables(figures: Mapping[str, Any]) -> Iterator[tuple[str, Rows]]:
    """Each clip, the source against the dream."""
    clips = figures.get("clips", {})
    if clips:
        yield "the clips and their dreams", rows_of({name: _row(facts) for name, facts in clips.items()}, "clip")


def _row(facts: Mapping[str, Any]) -> dict[str, str]:
    source, _, dream = ("x".join(map(str, size)) for size in facts["size"])
    heard = [sound or "none" for sound in facts["sound"]]
    return {
        "size": f"{source} → {dream}",
        "lies": facts["lies"],
        "frames": f"{facts['frames'][1]} → {facts['frames'][2]}{'' if facts['steady'] else ' (variable)'}",
        "rate": f"{facts['rate'][0]:.5g} → {facts['rate'][1]:.5g}",
        "seconds": f"{facts['seconds'][1]:.3f} → {facts['seconds'][2]:.3f}",
        "sound": " → ".join(heard),
        "late, ms": " ".join(f"{1000 * value:+.1f}" for value in facts.get("sound late, s", ())),
    }
