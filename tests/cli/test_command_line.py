"""What may be typed, what is answered when it is wrong, and what never happens: a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from zoomdream import cli
from zoomdream.cli import main
from zoomdream.cli.parser import parse
from zoomdream.errors import ConfigError, InputError, OutputError, RenderInterrupted
from zoomdream.machine import startup
from zoomdream.version import __version__

ROOT = Path(__file__).parent.parent.parent


def zoomdream(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [sys.executable, "-m", "zoomdream", *arguments], env=environment, text=True, capture_output=True, **options
    )


def test_help_shows_every_command_with_examples_and_exit_codes() -> None:
    result = zoomdream("--help")
    assert result.returncode == 0
    for word in (
        "render",
        "check",
        "networks",
        "layers",
        "schema",
        "info",
        "doctor",
        "new",
        "examples:",
        "exit codes:",
    ):
        assert word in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize("typed", [["--help"], ["render", "--help"], ["--version"], ["sing"]], ids=" ".join)
def test_help_loads_nothing_that_takes_long(typed: list[str]) -> None:
    code = f"import sys; from zoomdream.cli import main; main({typed}); print(*sys.modules, file=sys.stderr)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run([sys.executable, "-c", code], env=environment, text=True, capture_output=True, check=True)
    loaded = set(result.stderr.splitlines()[-1].split())
    assert "zoomdream.cli.parser" in loaded
    slow = {"torch", "numpy", "pydantic", "yaml", "rich", "safetensors", "PIL", "imageio_ffmpeg"}
    assert not loaded & slow


@pytest.mark.parametrize("typed", ["--output", "-o"])
def test_an_output_may_begin_with_a_dash_but_an_option_is_no_output(typed: str) -> None:
    assert parse(["render", "a.yaml", typed, "-a.mp4", "--quiet"]).output == "-a.mp4"
    with pytest.raises(ConfigError, match="expected one argument"):
        parse(["render", "a.yaml", typed, "--quiet"])


def loaded_by(code: str, folder: Path) -> set[str]:
    """The modules that are loaded at the end of a program."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    code = f"import sys; {code}; print(*sys.modules, file=sys.stderr)"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, env=environment, cwd=folder, text=True, capture_output=True, check=True)
    return set(result.stderr.splitlines()[-1].split())


def test_a_wrong_config_is_told_before_torch_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("dream: {octavse: 3}\n")
    loaded = loaded_by("from zoomdream.cli import main; assert main(['render', 'wrong.yaml']) == 2", tmp_path)
    assert "zoomdream.config" in loaded
    assert not loaded & {"torch", "numpy", "rich", "cv2", "scenedetect"}


def test_importing_the_package_loads_nothing_but_itself(tmp_path: Path) -> None:
    loaded = {name.partition(".")[0] for name in loaded_by("import zoomdream", tmp_path)}
    assert loaded - set(sys.stdlib_module_names) - {"sitecustomize", "usercustomize", "__main__"} <= {"zoomdream"} | {
        name for name in loaded if name.startswith(("_", "distutils"))
    }


def test_a_zoom_loads_nothing_that_only_clips_and_terminals_need(tmp_path: Path, untrained_weights: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(
        f"size: [32, 32]\nframes: 2\nnetwork: {{weights: {untrained_weights}}}\n"
        "dream: {octaves: 1, steps: 1, warmup: 0}\n"
    )
    loaded = loaded_by("from zoomdream.cli import main; assert main(['render', 'tiny.yaml']) == 0", tmp_path)
    assert "torch" in loaded
    assert not loaded & {"torchvision", "scenedetect", "rich", "ray", "torch._dynamo", "torch._inductor"}


def test_how_threads_wait_is_the_users_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("OMP_WAIT_POLICY", "PASSIVE"), ("GOMP_SPINCOUNT", "7"), (None, None)):
        with monkeypatch.context() as patch:
            patch.delenv("OMP_WAIT_POLICY", raising=False)
            patch.setenv("GOMP_SPINCOUNT", "0")  # so that it is put back
            patch.delenv("GOMP_SPINCOUNT")
            if name is not None:
                patch.setenv(name, value)
            assert main(["--version"]) == 0
            expected = {None: startup.SPINS, "GOMP_SPINCOUNT": "7", "OMP_WAIT_POLICY": None}[name]
            assert os.environ.get("GOMP_SPINCOUNT") == expected


def test_the_version_is_the_packages() -> None:
    assert zoomdream("--version").stdout == f"zoomdream {__version__}\n"


def test_no_command_is_answered_with_the_help() -> None:
    result = zoomdream()
    assert (result.returncode, result.stderr) == (0, "")
    assert "zoomdream render" in result.stdout


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        (["rendr", "a.yaml"], "did you mean `zoomdream render`?"),
        (["a.yaml"], "did you mean `zoomdream render a.yaml`?"),
        (["sing"], "the commands are render, check"),
        (["list"], "did you mean `zoomdream new --list`?"),
        (["preview", "a.yaml"], "did you mean `zoomdream render CONFIG --preview`?"),
        (["render", "a.yaml", "--fps", "24"], "did you mean --set fps=24?"),
        (["render", "a.yaml", "--zoom=1.2"], "did you mean --set camera.zoom=1.2?"),
        (["check", "a.yaml", "--step-size", "0.01"], "did you mean --set dream.step_size=0.01?"),
        (["render", "a.yaml", "out.mp4"], "did you mean --output out.mp4?"),
        (["photo.jpg"], "`zoomdream new photo_zoom`, then `zoomdream render photo_zoom.yaml --set source=photo.jpg`"),
        (["my trip.mp4"], "`zoomdream new clip`, then `zoomdream render clip.yaml --set source='my trip.mp4'`"),
        (["render", "spiral.yaml"], "`zoomdream new spiral` writes it here"),
        (["check", "spiral"], "`zoomdream new spiral` writes it here"),
        (["render"], "CONFIG"),
        (["render", "a.yaml", "--restrat"], "did you mean --restart?"),
        (["render", "a.yaml", "--outptu=b.mp4"], "did you mean --output?"),
        (["render", "a.yaml", "b.yaml"], "does not take 'b.yaml'"),
        (["render", "a.yaml", "--set"], "--set"),
        (["render", "a.yaml", "--rest"], "did you mean --restart?"),
        (["--loud"], "does not take '--loud'"),
        (["new"], "which config?"),
        (["new", "tinny"], "did you mean tiny?"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_exit_code_2_and_one_line_with_the_remedy(
    typed: list[str], answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(typed) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("zoomdream: ")
    assert printed.err.count("\n") == 1
    assert answer in printed.err


def test_a_key_and_its_value_may_be_two_words() -> None:
    typed = ["render", "--set", "camera.zoom", "1.2", "--set", "objective[0].weight", "-2", "a.yaml", "--set", "seed"]
    arguments = parse([*typed, "7"])
    assert arguments.overrides == ["camera.zoom=1.2", "objective[0].weight=-2", "seed=7"]
    assert arguments.config == Path("a.yaml")
    assert parse(["render", "--set", "seed", "a.yaml"]).config == Path("a.yaml")


def test_options_may_come_in_any_order() -> None:
    arguments = parse(["render", "--set", "fps=24", "a.yaml", "--set=seed=1", "--quiet", "-o", "b.mp4"])
    assert (arguments.config, arguments.overrides, arguments.output) == (Path("a.yaml"), ["fps=24", "seed=1"], "b.mp4")
    assert arguments.quiet
    assert not arguments.restart


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("a.yaml:3: size"), 2),
        (InputError("no picture"), 3),
        (OutputError("disk full"), 4),
        (RenderInterrupted("stopped"), 130),
        (KeyboardInterrupt(), 130),
        (PermissionError(13, "Permission denied", "x.mp4"), 4),
        (MemoryError(), 1),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), 1),
    ],
    ids=repr,
)
def test_every_kind_of_error_has_its_exit_code_and_is_one_paragraph(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raise_in_commands(monkeypatch, error)
    assert main(["schema"]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("zoomdream: ")
    assert "bug" not in printed.err
    assert "\n\n" not in printed.err


def test_a_bug_is_called_a_bug_and_its_traceback_is_kept_in_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    raise_in_commands(monkeypatch, ZeroDivisionError("division by zero"))
    assert main(["schema"]) == 1
    printed = capsys.readouterr().err
    assert "this is a bug in zoomdream: ZeroDivisionError: division by zero" in printed
    assert "Traceback (most" not in printed
    (kept,) = tmp_path.iterdir()
    assert str(kept) in printed
    assert "Traceback (most recent call last)" in kept.read_text()


def test_zoomdream_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOOMDREAM_DEBUG", "1")
    raise_in_commands(monkeypatch, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        main(["schema"])


def test_control_characters_in_a_message_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    cli.complain("bad\x1b[31m name\r\n\n  second line\n")
    assert capsys.readouterr().err == "zoomdream: bad\\x1b[31m name\n  second line\n"


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", ["--help", "schema"])
def test_a_reader_that_leaves_early_is_no_error_to_speak_of(command: str, unbuffered: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "zoomdream", command],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": unbuffered},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    assert process.communicate()[1] == b""
    assert process.returncode in (0, 1)  # argparse forgives a closed pipe by itself


def raise_in_commands(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def run(arguments: object) -> int:
        raise error

    monkeypatch.setattr(cli, "_run", run)
