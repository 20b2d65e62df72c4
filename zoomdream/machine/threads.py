"""Threads: how many cores there are, and work that goes on beside the dreaming.

torch gives every thread that asks it for something a team of threads of its own. Two teams are more threads than cores;
then libgomp lets none of them wait for work without falling asleep, and the network takes half as long again. So what
goes on beside the dreaming takes one thread each.
"""

from __future__ import annotations

import contextlib
import math
import os
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

import torch

_PATIENCE = 0.2  # seconds between looks at whether a thread still lives; Ctrl-C is heard as often
_QUOTA = Path("/sys/fs/cgroup/cpu.max")

Item = TypeVar("Item")


def cores() -> int:
    """How many cores this process may use: those of the machine, less what its affinity or its container forbids."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):  # no container, or one without a quota, which is "max"
        share, period = _QUOTA.read_text(encoding="ascii").split()
        here = min(here, math.ceil(int(share) / int(period)))
    return max(1, here)


def beside(work: Callable[[], None], name: str) -> threading.Thread:
    """Start work in a thread of its own, in which torch's operations take no more threads."""
    ready = threading.Event()

    def run() -> None:
        torch.get_num_threads()  # a thread that was never asked takes the number of all others when it first works
        torch.set_num_threads(1)
        ready.set()
        work()

    before = torch.get_num_threads()
    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    ready.wait()
    torch.set_num_threads(before)  # OpenMP counts for each thread by itself, but MKL for all
    return thread


class Belt(Generic[Item]):
    """Work on one thing after the other in a thread of its own, while at most `length` more wait.

    work is given all that was put on, in order, and returns when there is no more. What goes wrong in it surfaces at
    the next `put` or at `finish`.
    """

    def __init__(self, work: Callable[[Iterator[Item]], None], length: int, name: str) -> None:
        self._work = work
        self._queue: queue.Queue[Item | None] = queue.Queue(length)
        self._error: BaseException | None = None
        self._thread = beside(self._run, name)

    def put(self, item: Item) -> None:
        """Hand over a thing; waits while the queue is full. Raises what went wrong in the thread."""
        self._send(item)
        if self._error is not None:
            raise self._error

    def finish(self) -> None:
        """Wait until all that was handed over is done and the thread has ended. Raises what went wrong."""
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
