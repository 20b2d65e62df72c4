"""The local engine: worker processes that share this machine's cores and GPUs."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch

from zoomdream.batch.parallel_shots.shots import shots_of
from zoomdream.batch.work import Advanced, Event, Failed, Work
from zoomdream.batch.worker import STOP, main
from zoomdream.config import Config
from zoomdream.machine.limits import available_memory, cores
from zoomdream.timeline import dreamt_size

_GRACE = 20.0  # seconds that a render has to end in its own order
_BYTES_OF_ONE = 700 * 2**20  # a worker with torch and the embedded network: 620 MiB at 96x64; and its ffmpeg
_BYTES_PER_PIXEL = 900  # dreamnet takes 430 up to 1920x1080; other networks, clips and the encoder take more


class LocalEngine:
    """`jobs` worker processes at most, started when they are needed. With GPUs, each has one of its own.

    A context manager: leaving it ends all workers.
    """

    def __init__(self, jobs: int, gpus: int | None = None) -> None:
        self._jobs = jobs
        self._gpus = torch.cuda.device_count() if gpus is None else gpus
        self._workers: list[_Worker] = []
        self._context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang

    @property
    def jobs(self) -> int:
        """How many renders go on at once."""
        return self._jobs

    @property
    def threads(self) -> int:
        """How many threads each render has."""
        return max(1, cores() // self._jobs)

    @property
    def free(self) -> int:
        """How many more renders may be started now."""
        return self._jobs - sum(worker.work is not None for worker in self._workers)

    def shares(self, output: Path) -> bool:
        """Whether all workers see the folder of an output."""
        return True

    def start(self, work: Work) -> None:
        """Give the work to a worker that waits, or to a new one. Call it only where one is free."""
        waiting = [worker for worker in self._workers if worker.work is None]
        wanted = work.config.performance.device
        waiting.sort(key=lambda worker: wanted != f"cuda:{worker.gpu}")
        worker = waiting[0] if waiting else self._hire()
        worker.give(work)

    def events(self, seconds: float) -> list[Event]:
        """What has happened; waits so long for something to happen."""
        pipes = [worker.pipe for worker in self._workers]
        if not pipes:
            return []
        wait(pipes, timeout=seconds)
        found: list[Event] = []
        for worker in list(self._workers):
            found += worker.hear()
            if worker.gone:
                self._dismiss(worker)
        return found

    def stop(self, hurry: Callable[[], bool] = lambda: False) -> list[Event]:
        """Stop all renders so that they can go on later; what happened meanwhile. hurry: whether not to wait longer."""
        for worker in self._workers:
            worker.tell_to_stop()
        found: list[Event] = []
        until = time.monotonic() + _GRACE
        while any(worker.work for worker in self._workers) and time.monotonic() < until and not hurry():
            found += self.events(0.1)
        self.close()
        return found

    def close(self) -> None:
        """End all workers now."""
        for worker in list(self._workers):
            self._dismiss(worker)

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hire(self) -> _Worker:
        gpu = None
        if self._gpus:
            taken = [worker.gpu for worker in self._workers]
            gpu = min(range(self._gpus), key=taken.count)
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=main, args=(theirs, gpu), daemon=True)
        with _without_interrupts():  # a new process ignores Ctrl-C from its first moment if its parent does
            process.start()
        theirs.close()
        worker = _Worker(process, ours, gpu)
        self._workers.append(worker)
        return worker

    def _dismiss(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.end()


class _Worker:
    """A worker process as the batch sees it: what it works on, and whether it is still of use."""

    def __init__(self, process: BaseProcess, pipe: Connection, gpu: int | None) -> None:
        self._process = process
        self.pipe = pipe
        self.gpu = gpu
        self.work: Work | None = None
        self.gone = False
        self._since = 0.0

    def give(self, work: Work) -> None:
        self.work, self._since = work, time.monotonic()
        with contextlib.suppress(OSError):  # it has just died: that is heard next
            self.pipe.send(work)

    def hear(self) -> Iterator[Event]:
        """What the worker has said; that it died, if it did."""
        try:
            while self.pipe.poll():
                event: Event = self.pipe.recv()
                if not isinstance(event, Advanced):
                    self.work = None
                    # Memory that was too little stays taken, some of it, by the process that ran out of it.
                    self.gone = isinstance(event, Failed) and (event.passing or event.stopped)
                yield event
        except Exception:  # the end of the pipe, or half a message: it was killed
            self.gone = True
            if self.work is not None:
                self._process.join(1)
                work, self.work = self.work, None
                yield Failed(work.key, time.monotonic() - self._since, self._why(), 1, passing=True)

    def _why(self) -> str:
        code = self._process.exitcode
        if code is not None and code < 0:
            name = signal.Signals(-code).name if -code in signal.valid_signals() else str(-code)
            return f"its worker process was ended by {name}" + (
                ", perhaps by the system for lack of memory" if name == "SIGKILL" else ""
            )
        return f"its worker process ended with code {code}"

    def tell_to_stop(self) -> None:
        with contextlib.suppress(OSError):
            self.pipe.send(STOP)

    def end(self) -> None:
        self.pipe.close()
        self._process.kill()
        self._process.join()
        self._process.close()


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def automatic_jobs(configs: Sequence[Config]) -> int:
    """How many renders go on at once: one for each GPU; without any, one for each core, as far as memory reaches.

    One thread for each is the most that cores can do together; with fewer renders than cores, they share the cores. The
    shots of a clip are renders too.
    """
    if not configs:
        return 1
    pieces = sum(shots_of(config) for config in configs)
    gpus = torch.cuda.device_count()
    if gpus:
        return min(gpus, pieces)
    one = max(memory_of(config) for config in configs)
    return max(1, min(pieces, cores(), int(0.8 * available_memory() / one)))


def memory_of(config: Config) -> int:
    """Bytes that a render takes, roughly."""
    return _BYTES_OF_ONE + _BYTES_PER_PIXEL * max(math.prod(config.size), math.prod(dreamt_size(config)))
