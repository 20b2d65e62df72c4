"""The batch without workers: what is tried again, what is not, and how it stays small with very many renders."""

from __future__ import annotations

import io
import tracemalloc
from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from zoomdream.batch import scheduler
from zoomdream.batch.renders import Render, report
from zoomdream.batch.scheduler import outcome, schedule
from zoomdream.batch.work import Advanced, Event, Failed, Finished, Work
from zoomdream.cli.batch_progress import Pace, drawing, lines
from zoomdream.config import Config, load_config
from zoomdream.errors import RenderInterrupted
from zoomdream.rendering import Progress

Ends = Callable[[Work, int], Event]


class Pretended:
    """An engine that ends each piece of work at once, as `ends` says of the work and how often it was tried."""

    def __init__(self, ends: Ends, jobs: int = 2) -> None:
        self.jobs, self.threads = jobs, 1
        self.started: list[int] = []
        self.works: list[Work] = []
        self._ends = ends
        self._running: deque[Work] = deque()

    @property
    def free(self) -> int:
        return self.jobs - len(self._running)

    def shares(self, output: Path) -> bool:
        return True

    def start(self, work: Work) -> None:
        self.started.append(work.key)
        self.works.append(work)
        self._running.append(work)

    def events(self, seconds: float) -> list[Event]:
        work = self._running.popleft()
        frames = work.config.frames
        told = [Advanced(work.key, Progress(done, frames, 0.1, 0.1 * (frames - done))) for done in range(frames)]
        return [*told, self._ends(work, self.started.count(work.key))]

    def stop(self, hurry: Callable[[], bool]) -> list[Event]:
        return [Failed(work.key, 1.0, "stopped", 130, stopped=True) for work in self._running]


@pytest.fixture(scope="module")
def config() -> Config:
    return load_config({"size": [32, 16], "frames": 5})


def renders(config: Config, count: int) -> list[Render]:
    return [
        Render(Path(f"{number}.yaml"), {}, config.model_copy(update={"output": Path(f"{number}.mp4")}))
        for number in range(count)
    ]


def finish(work: Work, attempt: int) -> Event:
    return Finished(work.key, 1.0)


def test_what_may_pass_is_tried_once_more_and_nothing_else_is(config: Config) -> None:
    def ends(work: Work, attempt: int) -> Event:
        match work.config.output.name:
            case "0.mp4":  # memory was short just once
                return Failed(work.key, 1.0, "no memory", 1, passing=True) if attempt == 1 else Finished(work.key, 1.0)
            case "1.mp4":
                return Failed(work.key, 1.0, "no memory", 1, passing=True)
            case "2.mp4":
                return Failed(work.key, 1.0, "a wrong file", 3)
            case _:
                return Finished(work.key, 1.0)

    found = renders(config, 4)
    schedule(found, Pretended(ends), lambda changed: None)
    assert [one.status for one in found] == ["done", "failed", "failed", "done"]
    assert [one.attempts for one in found] == [2, 2, 1, 1]
    assert [one.error for one in found] == [None, "no memory", "a wrong file", None]
    assert outcome(found) == 1
    assert report(found, 3.0)["counts"] == {"done": 2, "failed": 2}
    assert [one["exit_code"] for one in report(found, 3.0)["renders"]] == [0, 1, 3, 0]


def test_what_is_finished_or_wrong_is_not_started(config: Config) -> None:
    found = renders(config, 3)
    found[0].status, found[2].status = "skipped", "failed"
    engine = Pretended(finish)
    schedule(found, engine, lambda changed: None)
    assert len(engine.started) == 1
    assert [one.status for one in found] == ["skipped", "done", "failed"]


def test_ctrl_c_leaves_every_render_finished_or_stopped(config: Config) -> None:
    found = renders(config, 6)

    def watch(changed: Render | None) -> None:
        if changed is None and sum(one.status == "done" for one in found) == 3:
            raise KeyboardInterrupt

    with pytest.raises(RenderInterrupted):
        schedule(found, Pretended(finish), watch)
    assert [one.status for one in found] == ["done"] * 3 + ["stopped"] * 3
    assert outcome(found) == 130


def test_a_worker_that_ends_while_it_loads_is_not_tried_again_by_who_stops(config: Config) -> None:
    class Loading(Pretended):
        def events(self, seconds: float) -> list[Event]:
            raise KeyboardInterrupt

        def stop(self, hurry: Callable[[], bool]) -> list[Event]:
            return [Failed(work.key, 1.0, "ended by SIGTERM", 1, passing=True) for work in self._running]

    found, said = renders(config, 2), []
    with pytest.raises(RenderInterrupted):
        schedule(found, Loading(finish), lambda changed: said.append(changed and changed.status))
    assert said == ["running", "running", "stopped", "stopped"]


@pytest.mark.parametrize("wait", [False, True])
def test_what_another_process_renders_is_no_failure_and_can_be_waited_for(
    config: Config, monkeypatch: pytest.MonkeyPatch, wait: bool
) -> None:
    def ends(work: Work, attempt: int) -> Event:
        busy = work.key == 0 and attempt < 4
        return Failed(work.key, 1.0, "by process 7", 4, busy=True) if busy else Finished(work.key, 1.0)

    monkeypatch.setattr(scheduler, "_BUSY", 0.0)
    monkeypatch.setattr(scheduler, "_PATIENCE", 0.0)
    found, said = renders(config, 2), []
    schedule(found, Pretended(ends), lambda changed: said.append(changed and changed.status), wait=wait)
    assert [one.status for one in found] == ["done" if wait else "busy", "done"]
    assert found[0].error == (None if wait else "by process 7")
    assert outcome(found) == 0
    assert said.count("waiting" if wait else "busy") == 1


def test_500_renders_keep_memory_flat(config: Config) -> None:
    found = renders(config, 500)
    pace = Pace(found, 2)
    console = Console(file=io.StringIO(), width=100, height=40, force_terminal=True)
    sizes: list[int] = []

    def watch(changed: Render | None) -> None:
        if changed is not None and changed.status == "done" and sum(one.status == "done" for one in found) % 100 == 0:
            pace.look()
            console.print(drawing(found, pace))
            sizes.append(tracemalloc.get_traced_memory()[0])

    tracemalloc.start()
    schedule(found, Pretended(finish), watch)
    tracemalloc.stop()
    assert outcome(found) == 0
    assert len(sizes) == 5
    assert sizes[-1] - sizes[1] < 500_000  # bytes: a progress for each render, and no events


def test_the_table_shows_what_runs_and_what_failed_and_fits_a_screen(config: Config) -> None:
    found = renders(config, 40)
    for one in found[:30]:
        one.status, one.progress = "running", Progress(2, 5, 0.5, 1.5)
    for one in found[30:39]:
        one.status, one.error = "failed", "a [bold]wrong[/bold] file"
    pace = Pace(found, 30)
    pace.look()
    console = Console(file=io.StringIO(), width=100, height=40)
    console.print(drawing(found, pace))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "and 14 more" in text
    assert "38.mp4: failed: a [bold]wrong[/bold] file" in text
    assert "0 of 40 done, 9 failed, 30 running, 1 waiting" in text
    assert len(text.splitlines()) < 32


def test_lines_tell_of_starts_ends_and_now_and_then_of_all(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    found = renders(config, 2)
    watch = lines(found, 1, clock=lambda: now[0])
    found[0].status, found[0].attempts = "running", 1
    watch(found[0])
    found[0].progress = Progress(2, 5, 0.5, 1.5)
    now[0] = 4.0
    watch(None)
    found[0].progress = Progress(4, 5, 0.5, 1.0)
    now[0] = 10.0
    watch(None)
    found[0].status, found[0].seconds = "done", 12.0
    watch(found[0])
    assert capsys.readouterr().err.splitlines() == [
        "0.mp4: started",
        "0 of 2 done, 1 running, 1 waiting, 0:18 left; 0.mp4 frame 4 of 5 · 0.50 s/frame · 0:01 left",  # 2 in 6 s
        "0.mp4: done, 5 frames in 0:12",
    ]
