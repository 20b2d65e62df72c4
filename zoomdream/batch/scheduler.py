"""The batch itself: gives waiting renders to an engine, and goes on whatever fails."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from zoomdream.batch.parallel_shots.shots import Part, parts_folder, shots_of, split
from zoomdream.batch.renders import Render
from zoomdream.batch.work import Advanced, EngineLost, Event, Finished, Work
from zoomdream.errors import RenderInterrupted, ZoomdreamError
from zoomdream.rendering import Progress
from zoomdream.rendering.loop import stoppable

ATTEMPTS = 2  # the second only where the first failed for what may have passed
_PARTS_FOR_EACH = 4  # parts of a clip for each that works: shots differ in length
_PATIENCE = 0.25  # seconds between looks at what else there is to do
_BUSY = 5.0  # seconds between looks at what another process renders


class Engine(Protocol):
    """What does the work, somewhere else.

    `jobs` at once, with so many `threads` each; `free`: how many more may be started now; `shares`: whether all that
    work see the folder of an output.
    """

    @property
    def jobs(self) -> int: ...

    @property
    def threads(self) -> int: ...

    @property
    def free(self) -> int: ...

    def shares(self, output: Path) -> bool: ...

    def start(self, work: Work) -> None: ...

    def events(self, seconds: float) -> list[Event]: ...

    def stop(self, hurry: Callable[[], bool]) -> list[Event]: ...


def schedule(
    renders: Sequence[Render],
    engine: Engine,
    watch: Callable[[Render | None], None],
    *,
    hurry: Callable[[], bool] = lambda: False,
    wait: bool = False,
) -> None:
    """Do all that waits. `watch` hears of each render whose status has changed, and of None every now and then.

    hurry: whether nobody waits any more for renders that were told to stop. wait: for what another process renders.

    Raises RenderInterrupted on Ctrl-C or SIGTERM, when all renders have stopped; what is finished of them is kept.
    """
    batch = _Batch(renders, engine, watch, wait)
    with stoppable():
        try:
            batch.run()
        except KeyboardInterrupt:
            batch.stop(hurry)
            raise
        except EngineLost as lost:
            batch.lose(lost)


@dataclass
class _Piece:
    """A render that is done in one piece, a part of one, or what puts its parts together. progress: the last word."""

    render: Render
    part: Part | None = None
    parts: tuple[Part, ...] = ()
    attempts: int = 0
    progress: Progress | None = None


class _Batch:
    def __init__(
        self, renders: Sequence[Render], engine: Engine, watch: Callable[[Render | None], None], wait: bool
    ) -> None:
        self._renders = renders
        self._engine = engine
        self._watch = watch
        self._wait = wait
        self._stopping = False
        self._later: deque[tuple[float, int]] = deque()  # pieces that another process works on, and when to look again
        self._pieces: list[_Piece] = []
        self._waiting: deque[int] = deque()  # numbers of pieces, as the running ones
        self._running: set[int] = set()
        for render in renders:
            if render.status == "waiting":
                self._waiting.append(self._add(_Piece(render)))

    def run(self) -> None:
        while self._waiting or self._running or self._later:
            while self._later and self._later[0][0] <= time.monotonic():
                self._waiting.append(self._later.popleft()[1])
            while self._waiting and self._engine.free > 0:
                number = self._waiting.popleft()
                if not self._cut(self._pieces[number]):
                    self._start(number)
            for event in self._engine.events(_PATIENCE):
                self._hear(event)
            self._watch(None)
            if self._later and not self._running:
                time.sleep(_PATIENCE)

    def stop(self, hurry: Callable[[], bool]) -> None:
        self._stopping = True
        try:
            with contextlib.suppress(EngineLost):
                for event in self._engine.stop(hurry):
                    self._hear(event)
        finally:  # also where somebody cannot wait for that
            for render in self._renders:
                if render.status in ("waiting", "running"):
                    render.status = "stopped"

    def lose(self, lost: EngineLost) -> None:
        """All that is not finished has failed, for the same reason."""
        for render in self._renders:
            if render.status in ("waiting", "running"):
                render.status, render.error, render.exit_code = "failed", str(lost), lost.exit_code
                self._watch(render)

    def _add(self, piece: _Piece) -> int:
        self._pieces.append(piece)
        return len(self._pieces) - 1

    def _cut(self, piece: _Piece) -> bool:
        """Replace the render of a clip by its shots, where some that work would have nothing to do without
        them: there are fewer renders than may be done at once, or this is the last one.
        """
        render, config, jobs = piece.render, piece.render.config, self._engine.jobs
        assert config is not None
        if jobs < 2 or piece.parts or piece.attempts or render.kept or render.damaged or shots_of(config) < 2:
            return False
        begun = parts_folder(config.output).exists()  # by an earlier start
        unfinished = sum(other.status in ("waiting", "running") for other in self._renders)
        if (self._waiting and unfinished >= jobs and not begun) or not self._engine.shares(config.output):
            return False
        with contextlib.suppress(ZoomdreamError):  # in one piece it fails too, and is told then
            if (found := split(config, self._engine.threads, _PARTS_FOR_EACH * jobs)) is not None:
                render.plan, parts = found
                longest = sorted(parts, key=lambda part: part.begin - part.end)  # nobody should wait long at the end
                self._waiting.extendleft(self._add(_Piece(render, part, parts)) for part in reversed(longest))
                return True
        return False

    def _start(self, number: int) -> None:
        piece = self._pieces[number]
        render = piece.render
        if render.status in ("failed", "busy"):  # another part of it has
            return
        again = piece.attempts > 0
        piece.attempts += 1
        render.attempts = max(render.attempts, piece.attempts)
        if render.status == "waiting" or again:
            render.status = "running"
            self._watch(render)
        self._running.add(number)
        assert render.config is not None
        self._engine.start(
            Work(number, render.config, self._engine.threads, render.damaged, render.plan, piece.part, piece.parts)
        )
        render.damaged = False  # a second attempt goes on with what the first one has left

    def _hear(self, event: Event) -> None:
        piece = self._pieces[event.key]
        render = piece.render
        if isinstance(event, Advanced):
            piece.progress = event.progress
            if render.status == "running":
                render.progress = self._together(render) if piece.part else event.progress
            return
        self._running.discard(event.key)
        render.seconds += event.seconds
        if render.status in ("failed", "busy"):
            return
        if isinstance(event, Finished):
            if piece.part is None:
                render.status, render.error, render.exit_code = "done", None, 0
                self._watch(render)
            elif not self._unfinished(render):
                self._waiting.appendleft(self._add(_Piece(render, parts=piece.parts)))
        elif event.stopped or (self._stopping and event.passing):  # a worker that was still loading just ends
            render.status = "stopped"
            self._watch(render)
        elif event.busy:
            told = render.error == event.text
            render.status, render.error = "waiting" if self._wait else "busy", event.text
            if self._wait:
                piece.attempts -= 1
                self._later.append((time.monotonic() + _BUSY, event.key))
            if not told:
                self._watch(render)
        else:
            render.error, render.exit_code = event.text, event.exit_code
            again = event.passing and piece.attempts < ATTEMPTS
            render.status = "waiting" if again else "failed"
            self._watch(render)
            if again:
                render.status = "running" if self._of(render) & self._running else "waiting"
                self._waiting.append(event.key)

    def _of(self, render: Render) -> set[int]:
        return {number for number, piece in enumerate(self._pieces) if piece.render is render}

    def _unfinished(self, render: Render) -> set[int]:
        """The pieces of a render that still have to be done."""
        return self._of(render) & (self._running | {*self._waiting, *(number for _, number in self._later)})

    def _together(self, render: Render) -> Progress:
        """How far a render is all of whose pieces are parts."""
        told = [self._pieces[number].progress for number in self._of(render)]
        known = [progress for progress in told if progress is not None]
        done = sum(progress.done for progress in known)
        running = self._of(render) & self._running
        rates = [progress.seconds_per_frame for number in running if (progress := self._pieces[number].progress)]
        rate = sum(1 / seconds for seconds in rates if seconds)
        speed = 1 / rate if rate else None
        return Progress(done, render.frames, speed, None if speed is None else speed * (render.frames - done))


def outcome(renders: Sequence[Render]) -> int:
    """The exit code of a batch: 0 if all renders are done, 1 if some failed, 130 if it was stopped."""
    if any(render.status in ("stopped", "waiting", "running") for render in renders):
        return RenderInterrupted.exit_code
    return 1 if any(render.status == "failed" for render in renders) else 0
