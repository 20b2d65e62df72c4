"""Background threads with bounded queues: one works items off, one prepares them, while the main thread dreams.

torch gives every thread that calls it a team of threads. Two teams are more threads than cores; then libgomp puts
waiting threads to sleep at once, and the network takes half as long again. So each background thread works alone.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Generic, TypeVar

import torch

_PATIENCE = 0.2  # seconds between looks at whether a thread still lives; Ctrl-C is heard as often

Item = TypeVar("Item")


def background_thread(work: Callable[[], None], name: str) -> threading.Thread:
    """Start `work` in a thread of its own, in which torch's operations use one thread."""
    ready = threading.Event()

    def run() -> None:
        torch.get_num_threads()  # torch sets a thread's number when it first works, unless that was asked before
        torch.set_num_threads(1)
        ready.set()
        work()

    before = torch.get_num_threads()
    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    ready.wait()
    torch.set_num_threads(before)  # OpenMP counts for each thread by itself, but MKL for all
    return thread


class WorkerQueue(Generic[Item]):
    """A background thread that works off a queue in which at most `length` items wait.

    work: gets an iterator over the items in order, which ends with `finish`. An error in it is raised by the next
    `put` and by `finish`.
    """

    def __init__(self, work: Callable[[Iterator[Item]], None], length: int, name: str) -> None:
        self._work = work
        self._queue: queue.Queue[Item | None] = queue.Queue(length)
        self._error: BaseException | None = None
        self._thread = background_thread(self._run, name)

    def put(self, item: Item) -> None:
        """Add an item; waits while the queue is full. Raises the thread's error."""
        self._send(item)
        if self._error is not None:
            raise self._error

    def finish(self) -> None:
        """Wait until all items are done and the thread has ended. Raises the thread's error."""
        self._send(None)
        while self._thread.is_alive():
            self._thread.join(_PATIENCE)
        if self._error is not None:
            raise self._error

    def _send(self, item: Item | None) -> None:
        while self._thread.is_alive():
            try:
                self._queue.put(item, timeout=_PATIENCE)
            except queue.Full:
                continue
            return

    def _items(self) -> Iterator[Item]:
        while (item := self._queue.get()) is not None:
            yield item

    def _run(self) -> None:
        try:
            self._work(self._items())
        except BaseException as error:
            self._error = error


class BackgroundIterator(Generic[Item]):
    """The items of an iterator, computed in a background thread, where at most `length` wait to be taken.

    An error in the iterator is raised after the items before it.
    """

    def __init__(self, items: Iterator[Item], length: int, name: str) -> None:
        self._items = items
        self._queue: queue.Queue[Future[Item]] = queue.Queue(length)
        self._closed = threading.Event()
        self._thread = background_thread(self._run, name)

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        while self._thread.is_alive() or not self._queue.empty():
            with contextlib.suppress(queue.Empty):
                return self._queue.get(timeout=_PATIENCE).result()
        raise StopIteration

    def close(self) -> None:
        """End the thread, which still finishes the item it is at. May be called twice."""
        self._closed.set()
        while self._thread.is_alive():
            self._thread.join(_PATIENCE)

    def _run(self) -> None:
        item: Future[Item] = Future()
        while not self._closed.is_set() and (not item.done() or item.exception() is None):
            item = Future()
            try:
                item.set_result(next(self._items))
            except BaseException as error:  # the iterator's end, too
                item.set_exception(error)
            self._put(item)

    def _put(self, item: Future[Item]) -> None:
        while not self._closed.is_set():
            with contextlib.suppress(queue.Full):
                return self._queue.put(item, timeout=_PATIENCE)
