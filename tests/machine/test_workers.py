"""Background threads: one thread of torch each, a queue that is worked off in order, bounded, and ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from zoomdream.machine.workers import BackgroundIterator, WorkerQueue, background_thread


def test_a_queue_is_worked_off_in_order_and_its_thread_ends() -> None:
    done: list[int] = []
    queue = WorkerQueue[int](lambda items: done.extend(items), 2, "test")
    for number in range(20):
        queue.put(number)
    queue.finish()
    assert done == list(range(20))
    assert not [thread for thread in threading.enumerate() if thread.name == "test"]


def test_a_queue_holds_no_more_than_its_length() -> None:
    go, begun = threading.Event(), threading.Event()
    done: list[int] = []

    def work(items: Iterator[int]) -> None:
        for item in items:
            begun.set()
            go.wait()
            done.append(item)

    queue = WorkerQueue[int](work, 2, "test")
    putting = threading.Thread(target=lambda: [queue.put(number) for number in range(6)])
    putting.start()
    begun.wait()
    putting.join(0.5)
    assert putting.is_alive(), "one is worked on and two wait: there is no room for six"
    go.set()
    putting.join()
    queue.finish()
    assert done == list(range(6))


def test_an_error_in_the_thread_is_raised_by_put_and_by_finish() -> None:
    def work(items: Iterator[int]) -> None:
        next(items)
        raise ZeroDivisionError("in the thread")

    queue = WorkerQueue[int](work, 1, "test")
    with pytest.raises(ZeroDivisionError, match="in the thread"):  # noqa: PT012
        for number in range(100):
            queue.put(number)
    with pytest.raises(ZeroDivisionError):
        queue.finish()


def test_a_background_thread_uses_one_thread_of_torch_however_many_others_use() -> None:
    """torch gives a thread that it was never asked about the number of all others when it first works. A second team
    made libgomp put the first to sleep at every step: GoogLeNet at 640x360 took 0.70 s a frame instead of 0.47."""
    before, settled, seen = torch.get_num_threads(), threading.Event(), []
    torch.set_num_threads(2)
    try:
        thread = background_thread(lambda: (settled.wait(), seen.append(torch.get_num_threads())), "test")
        settled.set()
        thread.join()
        assert seen == [1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_items_of_a_background_iterator_come_in_order_and_its_thread_ends() -> None:
    assert list(BackgroundIterator(iter(range(20)), 2, "test")) == list(range(20))
    assert not [thread for thread in threading.enumerate() if thread.name == "test"]


def test_a_background_iterator_runs_ahead_by_no_more_than_its_length() -> None:
    begun: list[int] = []
    third = threading.Event()

    def items() -> Iterator[int]:
        for number in range(9):
            begun.append(number)
            if number == 2:
                third.set()
            yield number

    iterator = BackgroundIterator(items(), 2, "test")
    third.wait()
    assert begun == [0, 1, 2], "two wait, and the third has no place yet"
    assert next(iterator) == 0
    iterator.close()
    iterator.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "test"]


def test_an_error_of_a_background_iterator_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield from range(3)
        raise ZeroDivisionError("in the thread")

    iterator = BackgroundIterator(items(), 5, "test")
    assert [next(iterator) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ZeroDivisionError, match="in the thread"):
        next(iterator)
    assert list(iterator) == [], "it is at its end then"
