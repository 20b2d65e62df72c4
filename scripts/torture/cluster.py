"""A batch on a Ray cluster of this machine: its driver, a worker, a node, the head or the shared folder is lost."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.report import ROOT
from torture.commands import Command, Outcome, bad_words, left_running
from torture.kills import Yard, yard
from torture.renders import KINDS, Kind, wrong_with

_SOON = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 300}
_LOST_HEAD = 60.0  # seconds in which a batch has to notice that its cluster is gone


class Nodes:
    """A head without cores and two nodes of one core each, started when they are needed."""

    def __init__(self, folder: Path) -> None:
        self._made: Any = None
        bare = folder / "bare" / "zoomdream"  # where a machine has no zoomdream, Python says so
        bare.mkdir(parents=True)
        (bare / "__init__.py").write_text(
            "raise ModuleNotFoundError(\"No module named 'zoomdream'\", name='zoomdream')\n"
        )
        self._bare = str(bare.parent)

    @property
    def address(self) -> str:
        from ray.cluster_utils import Cluster

        if self._made is None:
            head = {"num_cpus": 0, "include_dashboard": False, "_system_config": _SOON}
            self._made = Cluster(initialize_head=True, head_node_args=head)
        while len(self._made.worker_nodes) < 2:
            self._made.add_node(num_cpus=1)
        return str(self._made.address)

    def lose_node(self, dice: random.Random) -> None:
        self._made.remove_node(dice.choice(sorted(self._made.worker_nodes, key=id)), allow_graceful=False)

    def lose_head(self) -> None:
        self._made.head_node.kill_all_processes(check_alive=False, allow_graceful=False)

    def add_bare(self) -> None:
        """A machine without the package in the place of one with it."""
        self._made.remove_node(next(iter(self._made.worker_nodes)))
        with _environment(PYTHONPATH=self._bare):
            self._made.add_node(num_cpus=1)

    def end(self) -> None:
        if self._made is not None:
            with contextlib.suppress(Exception):
                self._made.shutdown()
            self._made = None


@contextlib.contextmanager
def _environment(**more: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in more}
    os.environ.update(more)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def ray(numbers: range, folder: Path) -> Iterator[Outcome]:
    """Each loss in turn, at a random moment; the same command then ends with the same frames."""
    where, nodes = yard(), Nodes(folder)
    with _environment(PYTHONPATH=str(ROOT), ZOOMDREAM_OFFLINE="1", RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0"):
        try:
            for number in numbers:
                name = list(_LOSSES)[number % len(_LOSSES)]
                dice = random.Random(number)
                kind = KINDS["batch" if number // len(_LOSSES) % 2 == 0 else "clip, shots in parallel"]
                with where.place() as place:
                    fault = _trial(where, nodes, kind, place, name, dice)
                told = f"seed {number}, {kind.name}, {name}: {fault}" if fault else ""
                yield Outcome(name, "fault" if fault else "right", told, 1)
        finally:
            nodes.end()


def _trial(where: Yard, nodes: Nodes, kind: Kind, place: Path, name: str, dice: random.Random) -> str:
    lose, allowed, words = _LOSSES[name]
    truth = where.truth(kind)
    on = replace(kind, words=(*kind.words[:-2], "--engine", "ray", "--address", nodes.address))
    share = place / "share"
    share.mkdir()
    bound = subprocess.run(["mount", "--bind", str(share), str(share)], capture_output=True).returncode == 0
    try:
        kind.set_up(share, where.clip)
        if name == "no GPU":
            for config in kind.configs:
                (share / config).write_text(kind.configs[config].replace("device: cpu", "device: cuda"))
        if name == "a node without the package":
            nodes.add_bare()
        command = where.start(on, share)
        command.wait(lambda: any(share.glob("*.zoomdream*")))
        command.wait(patience=dice.uniform(0, truth.seconds / 2))
        other = lose(where, nodes, on, share, command, dice)
        code = command.end(_LOST_HEAD)
        if code is None:
            return "hangs"
        said = command.said + (other.said if other else "")
        if fault := bad_words(said):
            return fault
        if code not in allowed or words not in said:
            return f"exit code {code}: {said[-800:]}"
        if other and other.end() not in allowed:
            return f"the other driver: {other.said[-600:]}"
        if name == "a node without the package":
            nodes.end()
        kind.set_up(share, where.clip)
        if left := left_running(share, 60):
            return f"still runs: {left}"
        on = replace(on, words=(*on.words[:-1], nodes.address))
        command = where.start(on, share)
        return wrong_with(kind, share, truth, command, command.end())
    finally:
        if bound:
            subprocess.run(["umount", "-l", str(share)], check=False)


Lose = Callable[[Yard, Nodes, Kind, Path, Command, random.Random], Command | None]


def _driver(where: Yard, nodes: Nodes, kind: Kind, share: Path, command: Command, dice: random.Random) -> None:
    command.strike(signal.SIGKILL)


def _worker(where: Yard, nodes: Nodes, kind: Kind, share: Path, command: Command, dice: random.Random) -> None:
    for lock in share.rglob("lock"):
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(lock.read_text()), signal.SIGKILL)
            return


def _node(where: Yard, nodes: Nodes, kind: Kind, share: Path, command: Command, dice: random.Random) -> None:
    nodes.lose_node(dice)


def _head(where: Yard, nodes: Nodes, kind: Kind, share: Path, command: Command, dice: random.Random) -> None:
    nodes.lose_head()
    command.wait(patience=_LOST_HEAD)
    nodes.end()


def _share(where: Yard, nodes: Nodes, kind: Kind, share: Path, command: Command, dice: random.Random) -> None:
    """The folder is hidden by an empty one for a while."""
    hidden = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(share)], capture_output=True).returncode == 0
    command.wait(patience=dice.uniform(0.1, 3))
    if hidden:
        subprocess.run(["umount", "-l", str(share)], check=True)


def _second(where: Yard, nodes: Nodes, kind: Kind, share: Path, command: Command, dice: random.Random) -> Command:
    return where.start(kind, share)


def _nothing(where: Yard, nodes: Nodes, kind: Kind, share: Path, command: Command, dice: random.Random) -> None:
    time.sleep(0)


_LOSSES: dict[str, tuple[Lose, set[int], str]] = {
    "the driver": (_driver, {-9}, ""),
    "a worker": (_worker, {0}, ""),
    "a node": (_node, {0}, ""),
    "the head": (_head, {1}, "does not answer"),
    "the shared folder, for a while": (_share, {0, 1}, ""),
    "two drivers of one batch": (_second, {0}, ""),
    "a node without the package": (_nothing, {0, 1}, ""),
    "no GPU": (_nothing, {1}, "cuda"),
}
"""What is lost, the exit codes that are right then, and what must be said."""
