"""The Ray engine: the same work on a Ray cluster, on this machine or by its address."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch

from zoomdream.batch.local import memory_of
from zoomdream.batch.ray import worker as ray_worker
from zoomdream.batch.ray.head import Head, address_of
from zoomdream.batch.ray.worker import Parcel, Result
from zoomdream.batch.work import Event, Failed, Work
from zoomdream.config import Config
from zoomdream.config.codecs import is_numbered
from zoomdream.errors import ConfigError, OutputError
from zoomdream.machine.files import discard, settle, temporary_name, writing
from zoomdream.machine.limits import cores
from zoomdream.machine.startup import keep_freed_memory, set_default
from zoomdream.rendering.job import inputs

_GRACE = 20.0  # seconds that a render has to end in its own order
_PATIENCE = 180.0  # seconds that a machine has to say whether it sees a file: it may have to start a worker for that
_PIECE = 16 * 2**20  # bytes of a result that travel at once
_AHEAD = 2  # pieces of work for each that can run now, so that Ray always has one to give
_TOKEN = ".zoomdream-batch-"


@dataclass(slots=True)
class _Sent:
    work: Work
    since: float
    token: Path


class RayEngine:
    """Work on a Ray cluster: at `address`, else one that is started on this machine and ends with this.

    jobs: renders at once; by default as many as fit, one thread for each where there are more renders than cores.
    waiting: how many renders there will be, each shot of a clip counted as one. A context manager. Raises ConfigError
    where Ray is missing or no cluster is found.
    """

    def __init__(self, address: str | None, jobs: int | None, waiting: int) -> None:
        self._ray = _load()
        self._ours = not self._ray.is_initialized()
        if self._ours:
            self._connect(address)
        self._head = Head(address_of(self._ray))
        alive = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        per_node = [int(resources.get("CPU", 0)) for resources in alive]
        self._gpus = sum(int(resources.get("GPU", 0)) for resources in alive)
        self._jobs = jobs or (self._gpus or max(1, min(sum(per_node), waiting or 1)))
        self.threads = max(1, min(sum(per_node) // self._jobs, max(per_node, default=1)))
        self._most = self._jobs if jobs else _AHEAD * self._jobs
        self._sent: dict[Any, _Sent] = {}
        self._tokens: dict[Path, Path] = {}
        self._seen: dict[Path, bool] = {}
        self._shipped: dict[tuple[Path, int], Any] = {}
        self._name = f"{_TOKEN}{uuid4().hex[:8]}-{os.getpid()}@{platform.node()}"
        self._do = self._ray.remote(max_retries=0)(_do)  # a second attempt is the batch's own affair
        # It needs no core, and lives where the batch lives: the loss of a worker's machine is not the loss of it.
        self._board = self._ray.remote(num_cpus=0)(ray_worker.Board).options(**self._at(self._here())).remote()

    @property
    def jobs(self) -> int:
        """How many renders go on at once."""
        return self._jobs

    @property
    def free(self) -> int:
        """How many more renders may be started now."""
        return self._most - len(self._sent)

    def shares(self, output: Path) -> bool:
        """Whether all workers see the folder of an output, and this machine can decide for them what `auto` is."""
        return (not self._gpus or torch.cuda.is_available()) and self._head.watched(
            lambda: self._everywhere(self._token(output.absolute()))
        )

    def start(self, work: Work) -> None:
        """Give the work to the cluster, which does it where there is room."""
        self._head.watched(lambda: self._start(work))

    def _start(self, work: Work) -> None:
        output = work.config.output.absolute()  # the workers' own working directory is another
        work = replace(work, config=work.config.model_copy(update={"output": output}))
        if not work.parts:
            work = replace(work, plan=None)  # the worker's machine may be another: it makes its own
        token = self._token(output)
        hidden = [path for path in inputs(work.config) if path.is_file() and not self._everywhere(path)]
        shipped = {path: self._ship(path) for path in hidden}
        device, room = work.config.performance.device, memory_of(work.config)
        needs: dict[str, Any] = {"num_cpus": work.threads, "memory": room}
        if self._gpus and device != "cpu":
            needs = {"num_cpus": 1, "num_gpus": 1, "memory": room}
        reference = self._do.options(**needs).remote(Parcel(work, token, shipped), self._board)
        self._sent[reference] = _Sent(work, time.monotonic(), token)

    def events(self, seconds: float) -> list[Event]:
        """What has happened; waits so long for something to end. Raises EngineLost where the head is gone."""
        return self._head.watched(lambda: self._events(seconds))

    def _events(self, seconds: float) -> list[Event]:
        if not self._sent:
            return []
        self._ray.wait(list(self._sent), num_returns=1, timeout=seconds)
        ended, _ = self._ray.wait(list(self._sent), num_returns=len(self._sent), timeout=0)
        found: list[Event] = []
        with contextlib.suppress(Exception):  # progress; without it, all else goes on
            ours = {sent.work.key for sent in self._sent.values()}
            found += [event for event in self._ray.get(self._board.take.remote(), timeout=5) if event.key in ours]
        return [*found, *(self._end(reference) for reference in ended)]

    def stop(self, hurry: Callable[[], bool] = lambda: False) -> list[Event]:
        """Stop all renders so that they can go on later; what happened meanwhile. hurry: whether not to wait longer."""
        for reference in self._sent:
            self._ray.cancel(reference, force=False)
        found: list[Event] = []
        until = time.monotonic() + _GRACE
        while self._sent and time.monotonic() < until and not hurry():
            found += [_as_stopped(event) for event in self.events(0.2)]
        return found

    def close(self) -> None:
        """End all work now, and the cluster if it was started here."""
        lost = self._head.lost()  # then nothing that Ray is asked for may ever end
        for reference in () if lost else self._sent:
            with contextlib.suppress(Exception):
                self._ray.cancel(reference, force=True)
        for token in self._tokens.values():
            token.unlink(missing_ok=True)
        if lost:
            return
        with contextlib.suppress(Exception):
            self._ray.kill(self._board)
        if self._ours:
            self._ray.shutdown()

    def __enter__(self) -> RayEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _connect(self, address: str | None) -> None:
        quiet = {"log_to_driver": False, "logging_level": "error"}
        own = {} if address else {"num_cpus": cores(), "include_dashboard": False}
        try:
            self._ray.init(address=address or "local", **own, **quiet)
        except Exception as error:
            reason = str(error).strip().partition("\n")[0]
            raise ConfigError(
                f"--address: no Ray cluster answers at {address or 'this machine'} ({reason})."
            ) from error

    def _here(self) -> str | None:
        """The node that the batch itself runs on; None where it is a mere client of the cluster."""
        with contextlib.suppress(Exception):
            return str(self._ray.get_runtime_context().get_node_id())
        return None

    def _at(self, node: str | None) -> dict[str, Any]:
        """Options that put something on a node, and nowhere else."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return {"scheduling_strategy": NodeAffinitySchedulingStrategy(node, soft=False)} if node else {}

    def _token(self, output: Path) -> Path:
        """A file beside the output, by which a worker knows that it sees the same folder."""
        folder = output.parent.parent if is_numbered(output) else output.parent
        if folder not in self._tokens:
            with writing(folder):
                folder.mkdir(parents=True, exist_ok=True)
                for left in folder.glob(f"{_TOKEN}*@{platform.node()}"):
                    if not _is_running(left.name):
                        discard(left)
                token = folder / self._name
                token.touch()
            self._tokens[folder] = token
        return self._tokens[folder]

    def _everywhere(self, path: Path) -> bool:
        """Whether every machine of the cluster sees the file."""
        if path not in self._seen:
            nodes = [node["NodeID"] for node in self._ray.nodes() if node["Alive"]]
            asked = [
                self._ray.remote(num_cpus=0, max_retries=0, **self._at(node))(ray_worker.sees).remote(path)
                for node in nodes
            ]
            try:
                self._seen[path] = all(self._ray.get(asked, timeout=_PATIENCE))
            except self._ray.exceptions.RayError:
                self._seen[path] = False
        return self._seen[path]

    def _ship(self, path: Path) -> Any:
        """The content of a file, once in the cluster however many renders read it."""
        key = (path, path.stat().st_mtime_ns)
        if key not in self._shipped:
            self._shipped[key] = [self._ray.put(path.read_bytes())]  # in a list, so that only who needs it fetches it
        return self._shipped[key]

    def _end(self, reference: Any) -> Event:
        sent = self._sent.pop(reference)
        key, seconds = sent.work.key, time.monotonic() - sent.since
        try:
            result: Result = self._ray.get(reference)
        except self._ray.exceptions.TaskCancelledError:
            return Failed(key, seconds, "stopped", 130, stopped=True)
        except self._ray.exceptions.RayTaskError as error:
            reason = str(error).strip().splitlines()[-1]
            if "No module named 'zoomdream" in reason:
                reason = f"{reason}: install this version of zoomdream on every machine of the cluster"
            return Failed(key, seconds, f"the worker could not do it: {reason}", 1)
        except self._ray.exceptions.RayError as error:  # the process or its machine is gone, or out of memory
            reason = str(error).strip().partition("\n")[0]
            return Failed(key, seconds, f"its worker was lost ({type(error).__name__}: {reason})", 1, passing=True)
        if result.files is None:
            return result.event
        try:
            self._bring_home(result, sent.work.config)
        except self._ray.exceptions.RayError:
            return Failed(key, seconds, "its worker was lost before the result was here", 1, passing=True)
        except OSError as error:
            text = f"{sent.work.config.output} cannot be written: {error.strerror or error}."
            return Failed(key, seconds, text, OutputError.exit_code)
        return result.event

    def _bring_home(self, result: Result, config: Config) -> None:
        """Copy the files of a result to where they belong, each whole or not at all, and remove them there."""
        output = config.output
        folder = output.parent.parent if is_numbered(output) else output.parent
        there = {"num_cpus": 0, **self._at(result.node)}
        read, remove = (self._ray.remote(**there)(task) for task in (ray_worker.piece, ray_worker.forget))
        assert result.files is not None
        # The config beside a picture comes first, so that one that is there is known to be ours.
        for name, size in sorted(result.files.items(), key=lambda item: not item[0].endswith(".yaml")):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = temporary_name(target)
            try:
                with temporary.open("wb") as file:
                    for begin in range(0, size, _PIECE):
                        file.write(self._ray.get(read.remote(result.folder, name, begin, _PIECE)))
                settle(temporary, target)
            finally:
                discard(temporary)
        self._ray.get(remove.remote(result.folder))


def _do(parcel: Parcel, board: Any) -> Result:
    import ray

    keep_freed_memory()
    node = str(ray.get_runtime_context().get_node_id())
    return ray_worker.do(parcel, node, lambda shipped: ray.get(shipped[0]), board.tell.remote)


def _as_stopped(event: Event) -> Event:
    """What fails while everything is being stopped was stopped."""
    if isinstance(event, Failed) and event.passing:
        return Failed(event.key, event.seconds, event.text, event.exit_code, stopped=True)
    return event


def _is_running(token: str) -> bool:
    """Whether the batch of this machine that has made a token is still there: one that was killed leaves its own."""
    if sys.platform == "win32":  # there, asking would end it
        return True
    try:
        os.kill(int(token.partition("@")[0].rpartition("-")[2]), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except OSError:  # it is somebody else's
        pass
    return True


def _load() -> Any:
    set_default("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else it warns of what will change one day
    try:
        import ray
    except ImportError as error:
        raise ConfigError("--engine ray needs Ray, which is not here: pip install 'zoomdream[ray]'.") from error
    return ray
