"""`networks`, `layers`, `schema`, `help`, `doctor`: what is here, as tables that scripts can read."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console

from zoomdream.batch.renders import Render
from zoomdream.cli import main
from zoomdream.cli.batch_progress import Pace, drawing
from zoomdream.cli.doctor import EXAMINATIONS
from zoomdream.cli.render import shown as progress_of_one
from zoomdream.cli.tables import plain, say, show, tell
from zoomdream.config import json_schema
from zoomdream.config.reference import chapters
from zoomdream.networks import catalog
from zoomdream.rendering import Progress


def test_columns_are_aligned_and_lines_have_no_trailing_spaces() -> None:
    assert plain(("a", "bb"), [("long", "x"), ("s", "")]) == "a     bb\nlong  x\ns"


HOSTILE = "a\x1b]0;owned\x07\x9b2J\r[bold]\u202e\nzoomdream: done"


def test_nothing_that_is_printed_commands_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show(("output",), [(HOSTILE,)])
    assert len(capsys.readouterr().out.splitlines()) == 2
    say(HOSTILE)
    assert main(["check", HOSTILE]) == 2
    printed = capsys.readouterr().err
    assert printed.count("[bold]") == 2
    assert all(c.isprintable() or c == "\n" for c in printed)


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")
def test_nor_on_a_terminal_where_rich_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.openpty()
    config = SimpleNamespace(output=HOSTILE, frames=3)
    render = Render(Path("a.yaml"), {}, config=config, status="failed", error=HOSTILE, plan=None)  # type: ignore[arg-type]
    monkeypatch.setattr(Render, "size", 1.0)
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr("sys.stdout", terminal)
        monkeypatch.setattr("sys.stderr", terminal)
        show(("output", "note"), [(HOSTILE, HOSTILE)])
        tell(HOSTILE)
        with progress_of_one(quiet=False) as observer:
            observer.progress(Progress(0, 3, None, None, HOSTILE))
        pace = Pace([render], 1)
        pace.look()
        Console(file=terminal, force_terminal=True).print(drawing([render], pace))
        terminal.flush()
        printed = os.read(ours, 1 << 16).decode()
    assert "[bold]" in printed
    for command in ("\x1b]", "\x07", "\x9b", "\u202e", "\r["):
        assert command not in printed


def test_one_place_prints() -> None:
    """And so one place escapes; downloads and Python's progress have their own, below the command line."""
    package = Path(__file__).parent.parent.parent / "zoomdream"
    printing = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }
    assert printing == {"cli/tables.py", "networks/weights/download.py", "rendering/observer.py"}


def test_networks_lists_every_network_with_its_licence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["networks"]) == 0
    printed = capsys.readouterr().out
    for info in catalog.networks():
        assert info.name in printed
        assert info.licence in printed


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_of_80_columns_shows_the_networks_in_two_screens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    assert main(["networks"]) == 0
    lines = re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue()).splitlines()
    assert len(lines) <= 48
    assert max(len(line) for line in lines) <= 80
    assert {"googlenet-places365", "vgg16,"} <= set(" ".join(lines).split())


def test_layers_lists_names_aliases_channels_and_strides(
    untrained_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["layers", "dreamnet", "--weights", str(untrained_weights)]) == 0
    rows = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines()}
    assert rows["mixed4c"][1:3] == ["512", "16"]
    assert "inception_4c/output" in rows["mixed4c"]
    costs = [int(row[3].rstrip("%")) for name, row in rows.items() if name != "layer"]
    assert all(0 < cost <= 100 for cost in costs)
    assert costs[0] < costs[-1]


def test_layers_of_an_unknown_network_is_exit_code_2_with_the_nearest_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layers", "dreemnet"]) == 2
    assert "dreamnet" in capsys.readouterr().err


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["help", *words]) == 0
    return capsys.readouterr().out


def test_help_explains_a_key_a_section_a_command_or_all_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    zoom = printed(capsys, "camera.zoom")
    assert zoom == printed(capsys, "zoom")
    for part in ("Zoom speed", "Allowed: 0.05 to 20 times per second", "Default: 1.35.", "Example: camera: {zoom: "):
        assert part in zoom
    assert len(printed(capsys, "camera").splitlines()) == 2 + len(chapters()["camera"].entries)
    assert "usage: zoomdream render" in printed(capsys, "render")
    everything = printed(capsys).split()
    assert {"zoom", "smoothstep", "in_out_sine", "h264", "diversity"} <= set(everything)


def test_help_on_what_there_is_not_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "camera.zomo"]) == 2
    assert "did you mean camera.zoom" in capsys.readouterr().err
    assert main(["help", "strength"]) == 2
    assert "see dream.step_size" in capsys.readouterr().err
    assert main(["help", "qqqq"]) == 2
    assert "`zoomdream help` lists" in capsys.readouterr().err


def test_schema_prints_the_json_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema()


def test_doctor_says_what_works_here(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor"])
    printed = capsys.readouterr().out
    for what in ("zoomdream", "torch", "ffmpeg", "encoders", "network dreamnet", "working folder", "auto means"):
        assert what in printed
    assert code == (0 if catalog.networks()[0].present else 3)


@pytest.mark.parametrize(
    ("flags", "said", "precision"),
    [
        ({}, "no bfloat16 in hardware", "float32"),
        ({"avx512_bf16": False, "avx2": True}, "no bfloat16 in hardware", "float32"),
        ({"avx512_bf16": True}, ", bfloat16 in hardware", "bfloat16"),
        ({"avx512_bf16": True, "amx_bf16": True}, ", bfloat16 and AMX bfloat16 in hardware", "bfloat16"),
    ],
)
def test_doctor_and_the_plan_see_the_same_processor(
    flags: dict[str, bool],
    said: str,
    precision: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: flags, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    main(["doctor"])
    printed = capsys.readouterr().out
    assert said in printed
    assert f"precision {precision}" in printed


@pytest.mark.usefixtures("container_of_three_cores")
def test_doctor_counts_the_cores_that_a_container_allows() -> None:
    assert "3 cores" in next(found.detail for found in EXAMINATIONS["processor"]())


def test_doctor_says_what_of_music_needs_librosa(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "librosa" in next(found.detail for found in EXAMINATIONS["music"]())
    monkeypatch.setattr("zoomdream.cli.doctor.find_spec", lambda name: None)
    assert "pip install 'zoomdream[music]'" in next(found.detail for found in EXAMINATIONS["music"]())


def test_doctor_says_what_only_clips_lack_and_that_zooms_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "OpenCV" in next(found.detail for found in EXAMINATIONS["clips"]())
    monkeypatch.setitem(sys.modules, "cv2", None)
    code = main(["doctor"])
    (line,) = (line for line in capsys.readouterr().out.splitlines() if " clips " in line)
    assert line.startswith("missing")
    assert "libGL.so.1" in line
    assert code == (0 if catalog.networks()[0].present else 3)


def test_doctor_names_what_a_render_lacks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "none"))
    assert main(["doctor"]) == 4
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("missing") and "ffmpeg" in line for line in lines)
    assert "A render does not work here yet" in lines[-1]
    assert os.listdir(tmp_path) == []


def test_layers_of_a_network_that_is_not_here_are_told_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layers", "googlenet"]) == 0
    short = capsys.readouterr().out
    assert main(["layers", "googlenet", "--all"]) == 0
    full = capsys.readouterr().out
    assert "inception_4c/output" in short
    assert "_pre_relu" in full
    assert "_pre_relu" not in short
    assert len(full.splitlines()) > len(short.splitlines())


def test_torchvisions_networks_are_listed_with_ours(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["networks"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("dreamnet")
    assert any(line.startswith("torchvision/vgg16 ") for line in lines)
