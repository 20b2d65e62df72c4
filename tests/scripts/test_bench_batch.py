"""The benchmark of batches, once, very small."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench.batch import main


def test_everything_but_ray_once_very_small(
    tmp_path: Path, untrained_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main.importlib.util, "find_spec", lambda name: None)
    found = tmp_path / "found.json"
    words = ["--quick", "--weights", str(untrained_weights), "--json", str(found), "--set", "size=[32, 16]"]
    words += ["--set", "dream.steps=1", "--set", "dream.octaves=1", "--set", "encode.preset=ultrafast"]
    assert main.main([*words, "--only", "clip", "--only", "ray"]) == 0
    document = json.loads(found.read_text(encoding="utf-8"))
    assert set(document) == {"machine", "figures", "bars", "skipped"}
    assert list(document["skipped"]) == ["ray"]
    assert document["bars"]["a clip of 4 shots: frames that differ, two"]["holds"]
    assert document["bars"]["a clip of 4 shots: two over one worker"]["value"] > 0


def test_a_queue_is_measured(tmp_path: Path, untrained_weights: Path) -> None:
    found = tmp_path / "found.json"
    assert main.main(["--quick", "--weights", str(untrained_weights), "--only", "queue", "--json", str(found)]) == 0
    document = json.loads(found.read_text(encoding="utf-8"))
    figures = document["figures"]["queue"]
    assert figures["what became of them"] == {"done": 24}
    assert figures["of the second start"] == {"skipped": 24}
    assert len(document["bars"]) == 4
