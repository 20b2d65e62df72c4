"""`zoomdream batch` from outside: it goes on whatever fails, survives being killed, and leaves nobody behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from zoomdream.batch.local import LocalEngine
from zoomdream.batch.work import Event, Work
from zoomdream.cli import batch as command
from zoomdream.cli import main
from zoomdream.rendering.lock import Lock

Start = Callable[..., subprocess.Popen[str]]
Tiny = Callable[..., str]
Decoded = Callable[[Path], list[str]]

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")


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


@posix
def test_a_night_with_wrong_configs_that_is_killed_goes_on_where_it_was(
    here: Path, tiny: Tiny, batch: Start, decoded: Decoded, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkdir("night")
    lengths = (2, 2, 90, 90, 2)  # frames; of the long ones a part is kept
    for seed, frames in enumerate(lengths):
        Path(f"night/{seed}.yaml").write_text(tiny(seed=seed, frames=frames, more=f"output: out/{seed}.mp4\n"))
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
    words = ["batch", "night", "--jobs", "2", "--report", "report.json"]

    assert main([*words, "--dry-run"]) == 1
    assert sum(line.startswith("wrong ") for line in capsys.readouterr().out.splitlines()) == 6
    assert not Path("out").exists()

    process = batch(*words[1:])
    wait_until(lambda: bool(list(Path("out").glob("*.mp4")) and list(Path("out").glob("[23]*/state.safetensors"))))
    below = children(process.pid) if sys.platform == "linux" else set()
    process.kill()
    process.wait()
    wait_until(lambda: not any(alive(pid) for pid in below), 20)
    ages = {path.name: path.stat().st_mtime_ns for path in Path("out").glob("*.mp4")}
    assert 0 < len(ages) < len(lengths)
    assert main([*words, "--dry-run"]) == 1
    assert "goes on after frame" in capsys.readouterr().out

    assert main(words) == 1
    report = json.loads(Path("report.json").read_text())
    assert report["counts"]["failed"] == 6
    errors = {Path(one["config"]).stem: one["error"] for one in report["renders"] if one["status"] == "failed"}
    assert set(errors) == {f"wrong_{name}" for name in wrong}
    assert "mixed9z" in errors["wrong_layer"]
    assert "gone.jpg" in errors["wrong_picture"]
    assert sorted(os.listdir("out")) == [f"{seed}.mp4" for seed in range(len(lengths))]  # no working folder is left
    assert all(Path("out", name).stat().st_mtime_ns == age for name, age in ages.items())  # nothing twice

    assert main(["batch", "night", "--set", "output=x.mp4", "--quiet"]) == 2  # all the same output: refused
    assert not Path("x.mp4").exists()
    for seed in (0, 2):
        assert main(["render", f"night/{seed}.yaml", "-o", f"alone_{seed}.mp4", "--quiet"]) == 0
        assert decoded(Path(f"alone_{seed}.mp4")) == decoded(Path(f"out/{seed}.mp4"))


@posix
def test_who_interrupts_three_times_still_gets_the_table_and_the_report(
    here: Path, tiny: Tiny, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Stubborn(LocalEngine):
        def events(self, seconds: float) -> list[Event]:
            os.kill(os.getpid(), signal.SIGINT)
            return []

        def stop(self, hurry: Callable[[], bool] = lambda: False) -> list[Event]:
            assert not hurry()
            os.kill(os.getpid(), signal.SIGINT)
            assert hurry()
            os.kill(os.getpid(), signal.SIGINT)
            return []

        def start(self, work: Work) -> None:
            pass

    monkeypatch.setattr(command, "LocalEngine", Stubborn)
    Path("a.yaml").write_text(tiny())
    assert main(["batch", "a.yaml", "--jobs", "1", "--report", "r.json"]) == 130
    assert capsys.readouterr().out.splitlines()[1].startswith("stopped  a.mp4")
    assert json.loads(Path("r.json").read_text())["counts"] == {"stopped": 1}


def test_an_output_that_another_process_renders_is_told_and_no_failure(
    here: Path, tiny: Tiny, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in (1, 2):
        Path(f"{seed}.yaml").write_text(tiny(seed=seed))
    lock = Lock(Path("1.mp4.zoomdream"))
    assert main(["batch", "1.yaml", "2.yaml", "--jobs", "1", "--quiet"]) == 0
    lock.release(remove=True)
    rows = capsys.readouterr().out.splitlines()
    assert rows[1].split()[:2] == ["busy", "1.mp4"]
    assert f"is being rendered by process {os.getpid()}" in rows[1]
    assert rows[2].startswith("done")


@posix
@pytest.mark.parametrize(("number", "jobs"), [(signal.SIGINT, 2), (signal.SIGTERM, 1)])
def test_a_stopped_batch_goes_on_where_it_was(
    here: Path, tiny: Tiny, batch: Start, number: int, jobs: int, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("long.yaml").write_text(tiny(frames=2000, more="matrix: {seed: [1, 2, 3]}\noutput: 'long_{seed}.mp4'\n"))
    process = batch("long.yaml", "--jobs", str(jobs), "--report", "report.json")
    wait_until(lambda: len(list(Path().glob("*/state.safetensors"))) == jobs)
    below = children(process.pid) if sys.platform == "linux" else set()
    os.killpg(process.pid, number)  # as a terminal does
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "3 stopped" in out
    assert "run the same command again" in err
    assert json.loads(Path("report.json").read_text())["counts"] == {"stopped": 3}
    wait_until(lambda: not any(alive(pid) for pid in below), 10)
    assert main(["batch", "long.yaml", "--dry-run"]) == 0
    assert capsys.readouterr().out.count("goes on after frame") == jobs


@posix
def test_a_worker_that_is_killed_is_replaced_and_its_render_goes_on(
    here: Path, tiny: Tiny, decoded: Decoded, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.yaml").write_text(tiny(frames=70))
    Path("b.yaml").write_text(tiny(frames=5, seed=2))

    def disaster() -> None:
        wait_until(Path("a.mp4.zoomdream/state.safetensors").exists)
        os.kill(int(Path("a.mp4.zoomdream/lock").read_text()), signal.SIGKILL)

    with ThreadPoolExecutor() as beside:
        killing = beside.submit(disaster)
        assert main(["batch", "a.yaml", "b.yaml", "--jobs", "1", "--report", "report.json"]) == 0
        killing.result()
    assert "will be tried again: its worker process was ended by SIGKILL" in capsys.readouterr().err
    attempts = [one["attempts"] for one in json.loads(Path("report.json").read_text())["renders"]]
    assert attempts == [2, 1]
    assert main(["render", "a.yaml", "-o", "alone.mp4", "--quiet"]) == 0
    assert decoded(Path("alone.mp4")) == decoded(Path("a.mp4"))
