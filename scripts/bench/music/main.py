"""Music, measured: do schedules follow a song on time, and does the film?

    python scripts/bench_music.py --quick                                   fewer songs and films, about a minute
    python scripts/bench_music.py --json build/music.json                   all of them
    python scripts/bench_music.py --only beats --only onsets                beats and onsets of made songs

All songs are drawn here (scripts/synthetic/song.py), so that their truth is known; beats are judged by mir_eval. What
each figure means stands in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import mir_eval.beat
import numpy as np
from bench import command
from bench.music import films, songs
from bench.report import Report
from bench.tables import Document, Rows, rows_of
from bench.video import frame_checksums
from synthetic import song

from zoomdream.api import load_config
from zoomdream.errors import RenderInterrupted
from zoomdream.rendering import Progress, render

SURE = (80, 160)
"""Beats per minute between which they have to be found without help."""

QUICK_RHYTHMS = ("60", "100", "160", "180", "100, then 130")
NAMES = ("loud", "bass", "mid", "high", "onset", "drums", "tones", "bright", "beat", "beats", "bar", "section")
ALL = " + ".join(f"{name}(t)" for name in NAMES)
LONG = 300  # seconds of a song that is heard against the clock


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    return command.parser("bench_music", __doc__, PARTS).parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    return command.run(arguments(words), measure, tables)


def measure(options: argparse.Namespace) -> Document:
    """Run the chosen parts; returns the report's document. Songs are not remembered beyond them."""
    return command.run_parts(options, Report(), PARTS)


@contextlib.contextmanager
def own_cache(folder: Path) -> Iterator[None]:
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    try:
        yield
    finally:
        os.environ.pop("XDG_CACHE_HOME")
        if before is not None:
            os.environ["XDG_CACHE_HOME"] = before


def run_beats(options: argparse.Namespace, found: Report, folder: Path) -> None:
    """Beats and tempo of songs of clicks, found and given."""
    rows: dict[str, Any] = found.figures.setdefault("beats", {})
    made = {f"{name}, swing" if swing else name: (*rhythm, swing)
            for name, rhythm in songs.rhythms().items() for swing in (False, True)
            if not options.quick or (name in QUICK_RHYTHMS and not swing)}  # fmt: skip
    for name, (times, tempo, swing) in made.items():
        samples = songs.swinging(times) if swing else song.clicks(times, songs.LENGTH)
        path = song.write(folder / "song.wav", samples)
        moving = {"camera": {"rotate": "beat(t)"}}
        grid = songs.grid(songs.film(path, **moving))
        row = {"F": _f_measure(times, grid.beats), "tempo": grid.bpm, "certainty": grid.certainty}
        if tempo:
            given = songs.grid(songs.film(path, {"beats": {"bpm": tempo, "first": f"{times[0]}s"}}, **moving))
            row["F with bpm"] = _f_measure(songs.beats(tempo, songs.LENGTH), given.beats)
            row["tempo off"] = abs(grid.bpm / tempo - 1)
        rows[name] = row
    free = {name: row for name, row in rows.items() if not made[name][1] or SURE[0] <= made[name][1] <= SURE[1]}
    steady = [row for name, row in free.items() if made[name][1]]
    found.at_least("beats: lowest F from 80 to 160", min(row["F"] for row in free.values()), 0.99)
    with_tempo = [row["F with bpm"] for row in rows.values() if "F with bpm" in row]
    found.at_least("beats: lowest F with bpm", min(with_tempo), 0.99)
    found.at_most("beats: tempo off, at most", max(row["tempo off"] for row in steady), 0.002)


def _f_measure(times: Sequence[float], found: Sequence[float]) -> float:
    return float(mir_eval.beat.f_measure(np.array(times), np.array(found)))


def run_onsets(options: argparse.Namespace, found: Report, folder: Path) -> None:
    """Onsets of clicks and of drums, at several rates."""
    uneven = np.random.default_rng(3).uniform(0.2, 0.9, 30).cumsum()
    kicks = [0.4 + 0.53 * number for number in range(30)]
    drums = song.mixed(((at, song.kick()) for at in kicks), 30)
    kinds = {
        "clicks": (uneven, song.clicks(uneven, 30)),
        "kicks over a tone": (kicks, drums + song.tone(330, 30, level=0.1)),
    }
    for kind, (times, samples) in kinds.items():
        path = song.write(folder / "song.wav", samples)
        for fps in (24, 60):
            curve = songs.curves(songs.film(path, fps=fps, seconds=30), ["onset(t)"])["onset(t)"]
            errors = songs.onset_errors(curve, [time for time in times if time < 29.5], fps)
            found.figures.setdefault("onsets", {})[f"{kind}, {fps} fps"] = {
                "frames late, mean": float(np.mean(errors)), "at most": float(np.abs(errors).max()),
            }  # fmt: skip
            found.at_most(f"onsets: frames off, {kind}, {fps} fps", float(np.abs(errors).max()), 1)


def run_bands(options: argparse.Namespace, found: Report, folder: Path) -> None:
    """Tones move their own band only; silence moves nothing."""
    names = ("bass(t)", "mid(t)", "high(t)")
    for pitch, own in zip((60, 500, 5000), names, strict=True):
        path = song.write(folder / "song.wav", song.tone(pitch, 4))
        highest = {name: float(curve.max()) for name, curve in songs.curves(songs.film(path, seconds=4), names).items()}
        found.figures.setdefault("bands", {})[f"{pitch} Hz"] = dict(highest)
        found.at_least(f"bands: {own} at {pitch} Hz", highest.pop(own), 0.99)
        found.at_most(f"bands: others at {pitch} Hz", max(highest.values()), 0.1)
    path = song.write(folder / "song.wav", song.silence(9))
    silent = songs.curves(songs.film(path, seconds=9), [f"{name}(t)" for name in NAMES])
    found.at_most("bands: largest value in silence", max(float(np.abs(curve).max()) for curve in silent.values()), 0)


def run_time(options: argparse.Namespace, found: Report, folder: Path) -> None:
    """An offset moves all alike, and so do other rates."""
    path = song.write(folder / "song.wav", song.sample())
    names = [f"{name}(t)" for name in NAMES if name not in ("beats", "bar")]  # which count from the first of the film
    early = songs.curves(songs.film(path, fps=25, seconds=20), names)
    late = songs.curves(songs.film(path, {"offset": "1s"}, fps=25, seconds=19), names)
    moved = {name: float(np.abs(late[name] - early[name][25:]).max()) for name in names}
    finer = songs.curves(songs.film(path, fps=75, seconds=20), names)
    thirds = {name: np.stack([finer[name][2 + part : -3 + part : 3] for part in range(3)]).max(0) for name in names}
    other = {name: float(np.abs(thirds[name][: len(early[name]) - 2] - early[name][1:-1]).max()) for name in names}
    found.figures["time"] = {name: {"offset": moved[name], "75 fps": other[name]} for name in names}
    found.at_most("time: largest difference after an offset of 1 s", max(moved.values()), 1e-6)
    found.at_most("time: largest difference between 25 and 75 fps", max(other.values()), 0.02)


def run_films(options: argparse.Namespace, found: Report, folder: Path) -> None:
    """Flashes against clicks in finished videos, and the zoom against the bass."""
    kinds = [("wav", "mp4", 24), ("mp3", "mp4", 30), ("flac", "webm", 24), ("mp3", "webm", 60), ("flac", "mp4", 60)]
    for source, ending, fps in kinds[: 2 if options.quick else None]:
        path = films.write_song(folder, source)
        tree = {
            "output": str(folder / f"{source}.{ending}"),
            "source": {"kind": "video", "path": str(films.write_clip(folder, Fraction(fps)))},
            "music": {"attack": "1ms", "release": "100ms"},
            "encode": {"audio": str(path), "crf": 12},
            "dream": {**films.CHEAP, "warmup": 8, "step_size": 0.02, "opacity": "onset(t)"},
        }
        errors = films.flash_errors(films.render(tree, folder / "film.yaml"), Fraction(fps))
        name = f"{source} in {ending}, {fps} fps"
        found.figures.setdefault("flashes", {})[name] = {"frames late": [round(error, 3) for error in errors]}
        found.at_most(f"flashes: frames off, {name}", float(np.abs(errors).max()), 0.5)
    path = song.write(folder / "sample.wav", song.sample())
    tree = films.zoom_film(folder, path, 3 if options.quick else 8)
    video = films.render(tree, folder / "zoom.yaml")
    config = load_config(tree)
    bass = songs.curves(config, ["bass(t)"])["bass(t)"]
    found.at_least("films: correlation of zoom and bass", films.zoom_correlation(video, config, bass), 0.95)


def run_same(options: argparse.Namespace, found: Report, folder: Path) -> None:
    """Stopped and gone on with, in a batch and on Ray: the same frames."""
    path = song.write(folder / "sample.wav", song.sample())
    tree = {
        **films.zoom_film(folder, path, 1.5), "size": [96, 64],
        "dream": {**films.CHEAP, "step_size": "0.01*onset(t) + 0.001*beat(t)"},
    }  # fmt: skip
    want = frame_checksums(films.render(tree, folder / "whole.yaml"))
    stopped = load_config({**tree, "output": str(folder / "stopped.mp4")})

    def stop(progress: Progress) -> None:
        if progress.done == 33:
            raise KeyboardInterrupt

    with contextlib.suppress(RenderInterrupted):
        render(stopped, progress=stop)
    others = {"resumed": render(stopped)}
    for name, words in (("batch", ()), ("ray", ("--engine", "ray"))):
        if name == "ray" and options.quick:
            continue
        config, output = folder / f"{name}.yaml", folder / f"{name}.mp4"
        config.write_text((folder / "whole.yaml").read_text().replace("zoom.mp4", output.name), encoding="utf-8")
        others[name] = films.run(["batch", str(config), "--quiet", *words], output)
    for name, video in others.items():
        have = frame_checksums(video)
        different = sum(a != b for a, b in zip(want, have, strict=False)) + abs(len(want) - len(have))
        found.at_most(f"same: frames that differ, {name}", different, 0)


def run_speed(options: argparse.Namespace, found: Report, folder: Path) -> None:
    """How long a song of five minutes takes at first, and once it is known."""
    seconds = 60 if options.quick else LONG
    samples = np.tile(song.sample(), -(-seconds * song.RATE // len(song.sample())))[: seconds * song.RATE]
    path = song.write(folder / "long.mp3", samples)
    tree = {"size": [64, 48], "frames": 24, "encode": {"audio": str(path)}, "camera": {"rotate": 0}}
    music = {**tree, "music": {}, "camera": {"rotate": ALL}}
    load_config(tree)
    took = []
    for one in (music, music, tree):
        begun = time.perf_counter()
        load_config(one)
        took.append(time.perf_counter() - begun)
    found.figures["speed"] = {"seconds of song": seconds, "first": took[0], "known": took[1], "without": took[2]}
    found.at_most(f"speed: seconds for a song of {seconds} s", took[0], 20)
    found.at_most("speed: seconds more than without music, once known", took[1] - took[2], 1)


def _cached(part: command.Part) -> command.Part:
    """The part with a cache of its own."""

    def run(options: argparse.Namespace, found: Report, folder: Path) -> None:
        with own_cache(folder):
            part(options, found, folder)

    return run


PARTS: dict[str, command.Part] = {
    name: _cached(part)
    for name, part in {
        "beats": run_beats, "onsets": run_onsets, "bands": run_bands, "time": run_time, "films": run_films,
        "same": run_same, "speed": run_speed,
    }.items()
}  # fmt: skip


def tables(figures: Mapping[str, Any]) -> Iterator[tuple[str, Rows]]:
    """Beats by song, onsets, bands and flashes."""
    for part, head in (("beats", "beats a minute"), ("onsets", "song"), ("bands", "tone"), ("flashes", "film")):
        if part in figures:
            yield part, rows_of(figures[part], head)
