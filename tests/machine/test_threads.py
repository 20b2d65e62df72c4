"""Work beside the dreaming: one thread each, in order, bounded, and nothing of it left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from zoomdream.machine import threads
from zoomdream.machine.threads import Belt, beside, cores


def test_a_thread_beside_takes_one_thread_of_torch_and_leaves_the_others_theirs() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        seen: list[int] = []
        beside(lambda: seen.append(torch.get_num_threads()), "test").join()
        assert seen == [1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_belt_works_in_order_and_ends() -> None:
    done: list[int] = []
    belt = Belt[int](lambda items: done.extend(items), 2, "test")
    for number in range(20):
        belt.put(number)
    belt.finish()
    assert done == list(range(20))
    assert not [thread for thread in threading.enumerate() if thread.name == "test"]


def test_a_belt_holds_no_more_than_it_should() -> None:
    go, begun = threading.Event(), threading.Event()
    done: list[int] = []

    def work(items: Iterator[int]) -> None:
        for item in items:
            begun.set()
            go.wait()
            done.append(item)

    belt = Belt[int](work, 2, "test")
    putting = threading.Thread(target=lambda: [belt.put(number) for number in range(6)])
    putting.start()
    begun.wait()
    putting.join(0.5)
    assert putting.is_alive(), "one is worked on and two wait: there is no room for six"
    go.set()
    putting.join()
    belt.finish()
    assert done == list(range(6))


def test_what_goes_wrong_on_a_belt_surfaces_and_nobody_waits_for_it() -> None:
    def work(items: Iterator[int]) -> None:
        next(items)
        raise ZeroDivisionError("in the thread")

    belt = Belt[int](work, 1, "test")
    with pytest.raises(ZeroDivisionError, match="in the thread"):  # noqa: PT012
        for number in range(100):
            belt.put(number)
    with pytest.raises(ZeroDivisionError):
        belt.finish()


@pytest.mark.parametrize(("said", "most"), [("150000 100000", 2), ("50000 100000", 1), ("max 100000", None)])
def test_a_container_that_forbids_cores_is_heard(
    said: str, most: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quota = tmp_path / "cpu.max"
    monkeypatch.setattr(threads, "_QUOTA", quota)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(16)), raising=False)
    assert cores() == 16
    quota.write_text(said + "\n")
    assert cores() == (most or 16)


def test_what_goes_on_beside_takes_one_thread_however_many_others_take() -> None:
    """torch gives a thread that it was never asked about the number of all others when it first works. A second team
    made libgomp put the first to sleep at every step: GoogLeNet at 640x360 took 0.70 s a frame instead of 0.47."""
    before, settled, seen = torch.get_num_threads(), threading.Event(), []
    torch.set_num_threads(2)
    try:
        thread = beside(lambda: (settled.wait(), seen.append(torch.get_num_threads())), "beside")
        settled.set()
        thread.join()
        assert seen == [1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
