"""Clocks, and turns: whoever is compared runs one after the other, and then in the reverse order.

So a machine that grows slower or faster meanwhile does so for both, and each round gives one ratio.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.process
import statistics
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

import torch
from bench.command import say

ClockName = Literal["wall", "cpu"]


@dataclass(frozen=True, slots=True)
class Clock:
    """wall: seconds as they pass. cpu: those of the processor, of this process and of its ended children; for machines
    that others use too, where the seconds that pass say nothing (with one thread: spinning counts as work).
    """

    name: ClockName = "wall"

    def __call__(self) -> float:
        if self.name == "wall":
            return time.perf_counter()
        import resource  # not on Windows

        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.process_time() + ended.ru_utime + ended.ru_stime


@dataclass(frozen=True, slots=True)
class Setting:
    """How to measure. googlenet and torchvision: weights files of BVLC GoogLeNet and of torchvision's.

    size: instead of a part's own. rounds: turns of each who is compared. folder: for what is rendered.
    """

    clock: Clock
    threads: int
    precisions: tuple[str, ...]
    rounds: int
    quick: bool
    googlenet: Path
    torchvision: Path
    random_googlenet: bool
    folder: Path
    size: tuple[int, int] | None = None


Turn = Callable[[], float]
"""Work for a while; how many seconds a frame (or a step) took."""


class Elsewhere:
    """Turns in a process of its own, started with the first: what zoomdream changes about the process that it renders
    in (how memory is kept, and whatever comes to be) neither helps nor harms who it is compared with.

    make: gives the turn there; a function of a module with its arguments, as `functools.partial`.
    """

    def __init__(self, make: Callable[[], Turn], threads: int) -> None:
        self._make, self._threads = make, threads
        self._process: multiprocessing.process.BaseProcess | None = None

    def __call__(self) -> float:
        if self._process is None:
            context = multiprocessing.get_context("spawn")
            self._here, there = context.Pipe()
            self._process = context.Process(target=_serve, args=(there, self._make, self._threads), daemon=True)
            self._process.start()
            there.close()
        self._here.send("turn")
        answer = self._here.recv()  # EOFError where it has died
        if isinstance(answer, str):
            raise RuntimeError(answer)
        seconds: float = answer
        return seconds

    def close(self) -> None:
        if self._process is not None:
            self._here.close()
            self._process.join()
            self._process = None


def _serve(connection: Connection, make: Callable[[], Turn], threads: int) -> None:
    torch.set_num_threads(threads)
    turn: Turn | None = None
    with contextlib.suppress(EOFError):
        while connection.recv():
            try:
                turn = turn or make()
                connection.send(turn())
            except Exception:
                connection.send(traceback.format_exc())


@dataclass(frozen=True, slots=True)
class Turns:
    """Seconds by who took them, one per round."""

    seconds: Mapping[str, list[float]]

    def median(self, name: str) -> float:
        return statistics.median(self.seconds[name])

    def ratios(self, name: str, reference: str) -> list[float]:
        """Seconds of the one over those of the other, by round."""
        return [one / other for one, other in zip(self.seconds[name], self.seconds[reference], strict=True)]

    def ratio(self, name: str, reference: str) -> float:
        return statistics.median(self.ratios(name, reference))


def take_turns(turns: Mapping[str, Turn], rounds: int, threads: int) -> Turns:
    """Everyone once per round; every second round in reverse. In the end processes of their own are closed."""
    seconds: dict[str, list[float]] = {name: [] for name in turns}
    try:
        for number in range(rounds):
            order = list(turns.items())
            for name, turn in reversed(order) if number % 2 else order:
                torch.set_num_threads(threads)
                seconds[name].append(turn())
                say(f"  {name}: {seconds[name][-1]:.4f} s")
    finally:
        for turn in turns.values():
            if isinstance(turn, Elsewhere):
                turn.close()
    return Turns(seconds)


def repeated(work: Callable[[], object], clock: Clock, times: int) -> Turn:
    """A turn of `times` pieces of the same work; the median of their seconds. The first turn begins with one more."""
    warm = False

    def turn() -> float:
        nonlocal warm
        if not warm:
            work()
            warm = True
        seconds = []
        for _ in range(times):
            begin = clock()
            work()
            seconds.append(clock() - begin)
        return statistics.median(seconds)

    return turn
