"""How the local engine shares GPUs, cores and memory, with fake processes."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from typing import Any

import pytest
import torch

from zoomdream.batch import local
from zoomdream.batch.local import LocalEngine, automatic_jobs, memory_of
from zoomdream.batch.work import Finished, Work
from zoomdream.config import Config, load_config


class Processes:
    """Stands for multiprocessing; remembers the pipes and GPUs of the processes that it was to start."""

    def __init__(self) -> None:
        self.pipes: list[Connection] = []
        self.gpus: list[int | None] = []

    def Pipe(self) -> tuple[Connection, Kept]:
        ours, theirs = multiprocessing.Pipe()
        self.pipes.append(theirs)
        return ours, Kept()

    def Process(self, *, args: tuple[Any, int | None], **_: Any) -> Any:
        self.gpus.append(args[1])
        return Idle()


class Kept:
    """A pipe's end that the engine closes, because its child has it, and that stays open here."""

    def close(self) -> None:
        pass


class Idle:
    exitcode = None

    def start(self, *_: object) -> None:
        pass

    kill = join = close = start


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Processes:
    made = Processes()
    monkeypatch.setattr(local.multiprocessing, "get_context", lambda kind: made)
    return made


def work(key: int, device: str = "auto") -> Work:
    return Work(key, load_config({"size": [32, 16], "frames": 5, "performance": {"device": device}}), 1)


def test_each_worker_has_a_gpu_of_its_own_and_gets_what_asks_for_it(processes: Processes) -> None:
    with LocalEngine(3, gpus=3) as engine:
        for key in range(3):
            engine.start(work(key))
        assert processes.gpus == [0, 1, 2]
        assert engine.free == 0
        for key in (0, 1, 2):
            assert processes.pipes[key].recv().key == key
            processes.pipes[key].send(Finished(key, 1.0))
        assert len(engine.events(1)) == 3
        engine.start(work(3, "cuda:1"))
        engine.start(work(4, "cuda:2"))
        assert [processes.pipes[gpu].recv().key for gpu in (1, 2)] == [3, 4]
        assert processes.gpus == [0, 1, 2]  # nobody new is needed


def test_who_comes_for_a_worker_that_died_gets_its_gpu(processes: Processes) -> None:
    with LocalEngine(2, gpus=2) as engine:
        for key in range(2):
            engine.start(work(key))
        processes.pipes[1].close()
        assert [event.key for event in engine.events(1)] == [1]
        assert engine.free == 1
        engine.start(work(2))
        assert processes.gpus == [0, 1, 1]


def test_without_gpus_nobody_has_one(processes: Processes) -> None:
    with LocalEngine(2, gpus=0) as engine:
        engine.start(work(0))
        assert processes.gpus == [None]


@pytest.mark.parametrize(("gpus", "processors", "gigabytes", "renders", "wanted"), [
    (0, 8, 64, 20, 8),
    (0, 8, 64, 3, 3),
    (0, 8, 2, 20, 2),
    (0, 8, 0.1, 20, 1),
    (4, 8, 64, 20, 4),
    (4, 8, 64, 3, 3),
    (0, 8, 64, 0, 1),
])  # fmt: skip
def test_as_many_at_once_as_there_are_gpus_or_else_cores_and_memory(
    monkeypatch: pytest.MonkeyPatch, gpus: int, processors: int, gigabytes: float, renders: int, wanted: int
) -> None:
    config: Config = load_config({"size": [32, 16], "frames": 5})
    assert 0.6 * 2**30 < memory_of(config) < 0.8 * 2**30
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(local, "cores", lambda: processors)
    monkeypatch.setattr(local, "available_memory", lambda: int(gigabytes * 2**30))
    assert automatic_jobs([config] * renders) == wanted
    monkeypatch.setattr(local, "cores", lambda: 8)
    assert [LocalEngine(jobs, gpus=0).threads for jobs in (1, 2, 3, 16)] == [8, 4, 2, 1]


@pytest.mark.usefixtures("container_of_three_cores")
def test_a_batch_in_a_container_uses_no_more_cores_than_that_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "available_memory", lambda: 2**40)
    assert LocalEngine(1, gpus=0).threads == 3
    assert automatic_jobs([load_config({"size": [32, 16], "frames": 5})] * 20) == 3
