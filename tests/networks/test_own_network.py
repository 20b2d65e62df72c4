"""`network.python`: a network of the user's own code, which runs only where that is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoomdream import assembly
from zoomdream.api import load_config, load_config_text
from zoomdream.cli import main
from zoomdream.errors import ConfigError, InputError
from zoomdream.rendering.job import fingerprint

CODE = """
from pathlib import Path
from torch import nn
Path(__file__).with_name("ran").touch()

def small():
    return nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 3, padding=1))
"""


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(CODE, encoding="utf-8")
    path = tmp_path / "own.yaml"
    path.write_text(
        f"output: {tmp_path / 'own.mp4'}\nsize: [64, 48]\nframes: 2\nnetwork:\n  python: mine.py:small\n"
        "objective: [{layer: '1'}]\ndream: {octaves: 1, steps: 1, warmup: 0}\n",
        encoding="utf-8",
    )
    return path


def test_a_users_own_network_dreams_where_code_is_allowed(config_file: Path) -> None:
    assert main(["render", str(config_file), "--quiet", "--allow-code"]) == 0
    assert config_file.with_name("own.mp4").exists()


def test_code_never_runs_unasked(config_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(config_file)]) == 2
    assert main(["check", str(config_file)]) == 2
    said = capsys.readouterr().err
    assert "own.yaml, line 5: network.python" in said
    assert "--allow-code" in said
    with pytest.raises(ConfigError, match="allow-code"):
        load_config_text(config_file.read_text(encoding="utf-8"), folder=config_file.parent)
    assert not config_file.with_name("ran").exists()


def test_another_code_is_another_render(config_file: Path) -> None:
    before = fingerprint(load_config(config_file, allow_code=True))
    config_file.with_name("mine.py").write_text(CODE.replace("8", "16"), encoding="utf-8")
    assert fingerprint(load_config(config_file, allow_code=True)) != before


def test_code_that_fails_is_told_with_the_line_of_the_config(config_file: Path) -> None:
    config_file.with_name("mine.py").write_text("def small(): raise RuntimeError('no luck')", encoding="utf-8")
    with pytest.raises(InputError, match=r"line 5: network\.python.*no luck"):
        assembly.network(load_config(config_file, allow_code=True))


def test_missing_weights_are_told_with_the_line_of_the_config(tmp_path: Path) -> None:
    path = tmp_path / "far.yaml"
    path.write_text("size: [64, 48]\nnetwork: {name: googlenet}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"far\.yaml, line 2: network\.name"):
        fingerprint(load_config(path))
