"""The batch itself: gives waiting renders to an engine, and goes on whatever fails."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from zoomdream.batch.renders import Render
from zoomdream.batch.work import Advanced, Event, Finished, Work
from zoomdream.errors import RenderInterrupted
from zoomdream.render.loop import stoppable

ATTEMPTS = 2  # the second only where the first failed for what may have passed
_PATIENCE = 0.25  # seconds between looks at what else there is to do


class Engine(Protocol):
    """What does the work, somewhere else. `threads` for each render; `free`: how many more may be started now."""

    @property
    def threads(self) -> int: ...

    @property
    def free(self) -> int: ...

    def start(self, work: Work) -> None: ...

    def events(self, seconds: float) -> list[Event]: ...

    def stop(self) -> list[Event]: ...


def drive(renders: Sequence[Render], engine: Engine, watch: Callable[[Render | None], None]) -> None:
    """Do all that waits. `watch` hears of each render whose status has changed, and of None every now and then.

    Raises RenderInterrupted on Ctrl-C or SIGTERM, when all renders have stopped; what is finished of them is kept.
    """
    batch = _Batch(renders, engine, watch)
    with stoppable():
        try:
            batch.run()
        except KeyboardInterrupt:
            batch.stop()
            raise


class _Batch:
    def __init__(self, renders: Sequence[Render], engine: Engine, watch: Callable[[Render | None], None]) -> None:
        self._renders = renders
        self._engine = engine
        self._watch = watch
        self._waiting = deque(number for number, render in enumerate(renders) if render.status == "waiting")
        self._running = 0

    def run(self) -> None:
        while self._waiting or self._running:
            while self._waiting and self._engine.free > 0:
                self._start(self._waiting.popleft())
            for event in self._engine.events(_PATIENCE):
                self._hear(event)
            self._watch(None)

    def stop(self) -> None:
        for event in self._engine.stop():
            self._hear(event)
        for render in self._renders:
            if render.status in ("waiting", "running"):
                render.status = "stopped"

    def _start(self, number: int) -> None:
        render = self._renders[number]
        assert render.config is not None
        self._running += 1
        render.status, render.attempts = "running", render.attempts + 1
        self._watch(render)
        self._engine.start(Work(number, render.config, self._engine.threads, restart=render.damaged))
        render.damaged = False  # a second attempt goes on with what the first one has left

    def _hear(self, event: Event) -> None:
        render = self._renders[event.key]
        if isinstance(event, Advanced):
            render.progress = event.progress
            return
        self._running -= 1
        render.seconds += event.seconds
        if isinstance(event, Finished):
            render.status, render.error, render.exit_code = "done", None, 0
        elif event.stopped:
            render.status = "stopped"
        else:
            render.error, render.exit_code = event.text, event.exit_code
            again = event.passing and render.attempts < ATTEMPTS
            render.status = "waiting" if again else "failed"
            if again:
                self._waiting.append(event.key)
        self._watch(render)


def outcome(renders: Sequence[Render]) -> int:
    """The exit code of a batch: 0 if all renders are done, 1 if some failed, 130 if it was stopped."""
    if any(render.status in ("stopped", "waiting", "running") for render in renders):
        return RenderInterrupted.exit_code
    return 1 if any(render.status == "failed" for render in renders) else 0
