"""What is `auto` in a config is decided once per render, whoever renders it."""

from __future__ import annotations

import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path

import pytest

from zoomdream import ffmpeg
from zoomdream.api import frames, load_config
from zoomdream.batch.collect import collect
from zoomdream.batch.local import automatic_jobs
from zoomdream.batch.scheduler import schedule
from zoomdream.batch.work import Event, WarmNetworks, Work, perform
from zoomdream.cli import main
from zoomdream.config import Config
from zoomdream.errors import RenderInterrupted
from zoomdream.rendering import Progress, render
from zoomdream.rendering.job import recall
from zoomdream.rendering.plan import make_plan
from zoomdream.types import Plan

Tiny = Callable[..., str]


class Here:
    """An engine that does the work in this process, one piece after the other."""

    def __init__(self, jobs: int) -> None:
        self.jobs, self.threads = jobs, 1
        self.done: list[Work] = []
        self._waiting: deque[Work] = deque()
        self._networks = WarmNetworks()

    @property
    def free(self) -> int:
        return self.jobs - len(self._waiting)

    def shares(self, output: Path) -> bool:
        return True

    def start(self, work: Work) -> None:
        self._waiting.append(work)

    def events(self, seconds: float) -> list[Event]:
        told: list[Event] = []
        self.done.append(self._waiting.popleft())
        perform(self.done[-1], self._networks, told.append)
        return told

    def stop(self, hurry: Callable[[], bool]) -> list[Event]:
        return []


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many plans have been made for each output."""
    made: Counter[str] = Counter()

    def counting(config: Config, remembered: Plan | None = None) -> Plan:
        made[config.output.name] += 1
        return make_plan(config, remembered)

    for name, module in list(sys.modules.items()):
        if name.startswith("zoomdream") and getattr(module, "make_plan", None) is make_plan:
            monkeypatch.setattr(module, "make_plan", counting)
    return made


def run(jobs: int, *names: str) -> Here:
    """A batch as the command runs it."""
    renders = collect([Path(name) for name in names])
    automatic_jobs([one.config for one in renders if one.config])
    engine = Here(jobs)
    schedule(renders, engine, lambda changed: None)
    assert [one.status for one in renders] == ["done"] * len(names), [one.error for one in renders]
    return engine


def test_a_render_makes_one_plan(here: Path, tiny: Tiny, plans: Counter[str]) -> None:
    Path("a.yaml").write_text(tiny())
    render(load_config("a.yaml"))
    assert plans == {"a.mp4": 1}
    render(load_config("a.yaml"))  # it is finished already
    assert plans == {"a.mp4": 2}
    list(frames(load_config("a.yaml", output="frames.mp4")))
    assert main(["check", "a.yaml", "--set", "output=check.mp4"]) == 0
    assert plans == {"a.mp4": 2, "frames.mp4": 1, "check.mp4": 1}


def test_a_batch_makes_one_plan_for_each_render(here: Path, tiny: Tiny, plans: Counter[str]) -> None:
    for seed in (1, 2):
        Path(f"{seed}.yaml").write_text(tiny(seed=seed))
    run(2, "1.yaml", "2.yaml")
    assert plans == {"1.mp4": 1, "2.mp4": 1}


def test_a_batch_goes_on_with_the_plan_of_a_stopped_render(here: Path, tiny: Tiny, plans: Counter[str]) -> None:
    Path("a.yaml").write_text(tiny(frames=40).replace("threads: 1", "threads: auto"))

    def stop(progress: Progress) -> None:
        while progress.done == 35 and not Path("a.mp4.zoomdream/state.safetensors").exists():
            time.sleep(0.01)  # it is written in the background
        if progress.done == 35:
            raise KeyboardInterrupt

    with pytest.raises(RenderInterrupted):
        render(load_config("a.yaml"), progress=stop)
    started = recall(Path("a.mp4"), ffmpeg.executable())
    plans.clear()
    engine = run(1, "a.yaml")
    assert plans == {"a.mp4": 1}
    assert [work.plan for work in engine.done] == [started]


def test_the_shots_of_a_clip_share_one_plan(shots: Path, plans: Counter[str]) -> None:
    engine = run(2, "clip.yaml")
    assert len(engine.done) > 2, "it was done shot by shot"
    assert plans == {"clip.mp4": 1}
