"""`zoomdream completion`: a script by which a shell completes what is typed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from zoomdream.cli import main

BASH = shutil.which("bash")


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("completion") / "zoomdream.bash"
    command = [sys.executable, "-m", "zoomdream", "completion", "bash"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent)}
    path.write_text(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)
    return path


def completed(script: Path, folder: Path, *typed: str) -> list[str]:
    """What bash offers for the last of the typed words."""
    assert BASH is not None
    program = """
        source "$1" && shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        function=$(complete -p zoomdream | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        "$function" zoomdream "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    command = [BASH, "--norc", "-c", program, "bash", str(script), "zoomdream", *typed]
    result = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    assert result.stderr == ""
    return [line.strip() for line in result.stdout.splitlines() if line.strip()]


@pytest.mark.skipif(BASH is None, reason="there is no bash")
def test_bash_completes_commands_options_values_files_and_ready_configs(script: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").touch()
    assert completed(script, tmp_path, "ren") == ["render"]
    assert completed(script, tmp_path, "render", "--pre") == ["--preview"]
    assert completed(script, tmp_path, "render", "mi") == ["mine.yaml"]
    assert completed(script, tmp_path, "render", "mine.yaml", "--set", "camera.zo") == ["camera.zoom"]
    assert "objective.0.weight" in completed(script, tmp_path, "render", "--set", "obj")
    assert completed(script, tmp_path, "batch", "mine.yaml", "--engine", "r") == ["ray"]
    assert "endless_zoom" in completed(script, tmp_path, "new", "endl")
    assert completed(script, tmp_path, "completion", "z") == ["zsh"]


@pytest.mark.parametrize("shell", ["zsh", "fish", "tcsh"])
def test_other_shells_have_a_script_of_their_own(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    assert "zoomdream" in text
    assert "render" in text


def test_without_a_word_it_is_the_shell_that_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHELL", "/usr/local/bin/fish")
    assert main(["completion"]) == 0
    assert "complete -c zoomdream" in capsys.readouterr().out
    monkeypatch.delenv("SHELL")
    assert main(["completion"]) == 2


def test_an_unknown_shell_is_told_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "cmd"]) == 2
    assert "bash" in capsys.readouterr().err
