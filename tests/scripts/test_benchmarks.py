"""What all benchmarks share: bars, options, and each of them once, very small."""

from __future__ import annotations

import importlib
import json
import math
from pathlib import Path
from typing import Any

import pytest
from bench import report, tables
from bench.batch import main as batch

from zoomdream import ffmpeg

QUICK = ["--quick", "--threads=1", *(f"--set=dream.{key}=1" for key in ("octaves", "steps", "warmup"))]
ZOOM = ["--size=64x48", "--layer=mixed3a"]
WORDS = {
    "endless": ["--frames=24", "--only=quality", "--network=dreamnet", *ZOOM],
    "coherence": ["--frames=5", "--only=rules", "--only=cuts", "--steps=1", *ZOOM],
    "classes": ["--class=banana", "--only=classes", "--network=dreamnet", "--judged-by=dreamnet", "--judge={weights}"],
}


@pytest.mark.parametrize("name", WORDS)
def test_every_bar_has_a_value(name: str, tmp_path: Path, untrained_weights: Path) -> None:
    found = tmp_path / "found.json"
    words = [word.format(weights=untrained_weights) for word in [*QUICK, "--weights={weights}", *WORDS[name]]]
    assert importlib.import_module(f"bench.{name}.main").main([*words, "--json", str(found)]) == 0
    document = json.loads(found.read_text(encoding="utf-8"))
    assert set(document) == {"machine", "figures", "bars", "skipped"}
    assert document["figures"]
    assert [key for key, bar in document["bars"].items() if bar["value"] is None] == []
    assert document["bars"]


def test_a_loop_is_judged_and_a_film_that_does_not_close_is_the_control(tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    words = [*QUICK, "--size=64x48", "--frames=24", "--only=zooms", "--only=control", "--json", str(found)]
    assert importlib.import_module("bench.loops.main").main(words) == 0
    document = json.loads(found.read_text(encoding="utf-8"))
    assert [key for key, bar in document["bars"].items() if bar["value"] is None] == []
    figures = document["figures"]
    assert figures["zooms"]["as configured"]["seam"] < figures["control"]["seam"]


@pytest.mark.parametrize("name", ["batch", "clips", "music", "speed"])
def test_what_takes_many_processes_knows_its_options(name: str) -> None:
    assert importlib.import_module(f"bench.{name}.main").arguments(["--quick"]).quick


def test_bars_hold_or_fail_and_nan_fails() -> None:
    found = report.Report()
    found.at_most("a: size", 1, 2)
    found.at_least("b: size", 1, 2)
    found.within("c: inside", 0.5, (0.2, 0.6))
    found.at_most("c: unknown", math.nan, 1)
    assert [bar["holds"] for bar in found.bars.values()] == [True, False, True, False]
    document: Any = found.document()
    assert document["bars"]["c: unknown"]["value"] is None
    assert "2 of 4 bars hold." in tables.to_text(document, [])
    page = tables.insert("a\n<!-- x -->\nstale\n<!-- /x -->\nb\n", "x", tables.to_markdown(document, []))
    assert "| size | 2 | 1 | **1 ✗** |" in page
    assert "stale" not in page


def test_two_workers_are_compared_by_the_medians_of_their_turns() -> None:
    found = report.Report()
    batch.compare(found, "renders", {"one": [4.0, 9.0, 4.0], "two": [2.0, 2.0, 7.0]}, {"two": 1.6})
    assert found.bars["renders: two over one worker"] == {"value": 2.0, "limit": 1.6, "holds": True}


def test_frames_that_differ_are_counted(tmp_path: Path) -> None:
    for name, black in (("one", 9), ("two", 3)):  # of five frames those from there on
        command = [
            str(ffmpeg.executable()),
            *ffmpeg.QUIET,
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=32x32:rate=5:duration=1",
        ]
        command += ["-vf", f"drawbox=t=fill:enable='gte(n,{black})'", "-c:v", "libx264rgb", "-crf", "0"]
        ffmpeg.run([*command, str(tmp_path / f"{name}_0.mp4")], what="drawing")
    found = report.Report()
    batch.same(found, "a clip", tmp_path, "two")
    assert found.bars["a clip: frames that differ, two"]["value"] == 2
