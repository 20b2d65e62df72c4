"""The trials that try to break zoomdream: that they count, can be added up, and notice what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from torture import main as torture
from torture.asking import Asker
from torture.commands import Outcome, bad_words


def test_a_few_hostile_texts_and_files_break_nothing(tmp_path: Path) -> None:
    words = ["--only=configs", "--only=weights", "--count=12", f"--json={tmp_path / 'a.json'}"]
    assert torture.main(words) == 0
    figures = json.loads((tmp_path / "a.json").read_text())["figures"]
    assert [torture.sum_of(part, "trials") for part in figures.values()] == [12, 12]


def test_trials_add_up_over_several_runs_and_one_that_breaks_something_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd(numbers: range, folder: Path) -> Iterator[Outcome]:
        for number in numbers:
            yield Outcome("odd", "fault" if number == 3 else "right", "three" if number == 3 else "", blows=2)

    monkeypatch.setattr(torture, "PARTS", {"odd": torture.Part(odd, 5, 1)})
    words = ["--only=odd", "--add", f"--json={tmp_path / 'a.json'}"]
    assert torture.main([*words, "--count=3"]) == 0
    assert torture.main([*words]) == 1  # those that are left of five
    told = json.loads((tmp_path / "a.json").read_text())
    assert told["figures"]["odd"]["kinds"]["odd"] == {"trials": 5, "blows": 10, "right": 4, "refused": 0, "faults": 1}
    assert told["figures"]["odd"]["faults"] == ["three"]
    (tmp_path / "a.md").write_text("<!-- torture -->\n<!-- /torture -->\n")
    assert torture.main([f"--read={tmp_path / 'a.json'}", f"--markdown={tmp_path / 'a.md'}"]) == 0
    assert "| odd | 5 | 5 | 10 | 4 |" in (tmp_path / "a.md").read_text()


def test_what_a_trial_does_besides_reading_is_noticed(tmp_path: Path) -> None:
    """The code of a network, which the command line allows, starts a program."""
    (tmp_path / "mine.py").write_text(
        "import os\nfrom torch import nn\nos.system('true')\ndef net():\n    return nn.Conv2d(3, 8, 3)\n"
    )
    (tmp_path / "a.yaml").write_text(
        "size: [32, 32]\nframes: 1\nnetwork: {python: mine.py:net}\nobjective: [{layer: '0'}]\n"
    )
    with Asker(tmp_path) as asker:
        allowed = asker.ask("own", 0, "command", ["check", "a.yaml", "--allow-code"])
        refused = asker.ask("own", 1, "command", ["check", "a.yaml"])
    assert "os.system" in allowed.fault
    assert refused.ended == "refused"


def test_an_apology_is_a_fault() -> None:
    assert bad_words("x\nTraceback (most recent call last):\n  File").startswith("Traceback")
    assert bad_words("zoomdream: this is a bug in zoomdream: KeyError")
    assert not bad_words("zoomdream: a.yaml, line 3: seed: ...")
