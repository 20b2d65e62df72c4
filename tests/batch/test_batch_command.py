"""`zoomdream batch` from outside: it goes on whatever fails, survives being killed, and leaves nobody behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from zoomdream.cli import main

Start = Callable[..., subprocess.Popen[str]]
Tiny = Callable[..., str]
Decoded = Callable[[Path], list[str]]

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")


def children(pid: int) -> set[int]:
    """The living processes below one, which stay children of it in name when their parents have gone."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if state != "Z":
                parents[int(entry.name)] = int(parent)
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(happened: Callable[[], bool], seconds: float = 300.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.02)


def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


@posix
def test_a_night_with_wrong_configs_that_is_killed_twice(
    here: Path, tiny: Tiny, batch: Start, decoded: Decoded, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkdir("night")
    for seed in range(12):
        frames = 32 if seed % 6 == 0 else 2  # two segments, or a part of one
        Path(f"night/{seed:02d}.yaml").write_text(tiny(seed=seed, frames=frames, more=f"output: out/{seed}.mp4\n"))
    wrong = {
        "syntax": "seed: [",
        "key": "sede: 1",
        "value": "seed: seven",
        "layer": tiny(more="objective: [{layer: mixed9z}]\n"),
        "weights": "network: {weights: gone.pth}",
        "picture": tiny(more="source: {kind: image, path: gone.jpg}\n"),
    }
    for name, text in wrong.items():
        Path(f"night/wrong_{name}.yaml").write_text(text)
    words = ("night", "--jobs", "2", "--report", "report.json")

    assert main(["batch", *words, "--dry-run"]) == 1
    assert sum(line.startswith("wrong ") for line in capsys.readouterr().out.splitlines()) == 6
    assert not Path("out").exists()

    for share in (0.2, 0.8):
        process = batch(*words)
        wait_until(lambda share=share: len(list(Path("out").glob("*.mp4"))) >= 12 * share)  # type: ignore[misc]
        below = children(process.pid) if sys.platform == "linux" else set()
        process.kill()
        process.wait()
        wait_until(lambda below=below: not any(alive(pid) for pid in below), 20)  # type: ignore[misc]
    ages = {path.name: path.stat().st_mtime_ns for path in Path("out").glob("*.mp4")}
    assert 10 <= len(ages) <= 12

    code, _, _ = finished(batch(*words))
    assert code == 1

    report = json.loads(Path("report.json").read_text())
    assert report["counts"]["failed"] == 6
    errors = {Path(one["config"]).stem: one["error"] for one in report["renders"] if one["status"] == "failed"}
    assert set(errors) == {f"wrong_{name}" for name in wrong}
    assert "mixed9z" in errors["wrong_layer"]
    assert "gone.jpg" in errors["wrong_picture"]
    videos = sorted(Path("out").iterdir())
    assert len(videos) == 12
    assert all(path.suffix == ".mp4" for path in videos)  # no working folder is left
    assert all(Path("out", name).stat().st_mtime_ns == age for name, age in ages.items())  # nothing twice

    assert main(["batch", "night", "--set", "output=x.mp4", "--quiet"]) == 2  # all the same output: refused
    assert not Path("x.mp4").exists()
    for seed in (0, 1, 6):  # those of several segments, and one of the others
        assert main(["render", f"night/{seed:02d}.yaml", "-o", f"alone_{seed}.mp4", "--quiet"]) == 0
        assert decoded(Path(f"alone_{seed}.mp4")) == decoded(Path(f"out/{seed}.mp4"))


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_batch_goes_on_where_it_was(
    here: Path, tiny: Tiny, batch: Start, number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("long.yaml").write_text(tiny(frames=2000, more="matrix: {seed: [1, 2, 3]}\noutput: 'long_{seed}.mp4'\n"))
    process = batch("long.yaml", "--jobs", "2", "--report", "report.json")
    states = [Path(f"long_{seed}.mp4.zoomdream/state.safetensors") for seed in (1, 2)]
    wait_until(lambda: all(state.exists() for state in states))
    below = children(process.pid) if sys.platform == "linux" else set()
    os.killpg(process.pid, number)  # as a terminal does
    code, out, err = finished(process)
    assert code == 130
    assert "Traceback" not in err
    assert "3 stopped" in out
    assert "run the same command again" in err
    assert json.loads(Path("report.json").read_text())["counts"] == {"stopped": 3}
    wait_until(lambda: not any(alive(pid) for pid in below), 10)
    assert all(state.exists() for state in states)
    assert main(["batch", "long.yaml", "--dry-run"]) == 0
    assert capsys.readouterr().out.count("goes on after frame") == 2


@linux
def test_a_worker_that_is_killed_is_replaced_and_its_render_goes_on(
    here: Path, tiny: Tiny, batch: Start, decoded: Decoded
) -> None:
    Path("a.yaml").write_text(tiny(frames=70))
    Path("b.yaml").write_text(tiny(frames=5, seed=2))
    process = batch("a.yaml", "b.yaml", "--jobs", "1", "--report", "report.json")
    wait_until(Path("a.mp4.zoomdream/state.safetensors").exists)
    os.kill(worker_of(process.pid), signal.SIGKILL)
    code, _, err = finished(process)
    assert code == 0
    assert "will be tried again: its worker process was ended by SIGKILL" in err
    attempts = [one["attempts"] for one in json.loads(Path("report.json").read_text())["renders"]]
    assert attempts == [2, 1]
    assert main(["render", "a.yaml", "-o", "alone.mp4", "--quiet"]) == 0
    assert decoded(Path("alone.mp4")) == decoded(Path("a.mp4"))


def worker_of(pid: int) -> int:
    """The worker: of the children, the one that multiprocessing has started to work, not to clean up."""
    return next(child for child in children(pid) if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes())
