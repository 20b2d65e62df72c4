"""Whether the head of a Ray cluster is still there: Ray's own calls wait for a lost one for minutes, silently."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from threading import Lock, Thread
from typing import Any, TypeVar

from zoomdream.batch.work import EngineLost

_T = TypeVar("_T")

PATIENCE = 20.0
"""Seconds without an answer after which a head is lost."""

_PAUSE = 2.0  # seconds between looks
_LONGEST = 2.0  # seconds that a connection may take


class Head:
    """Where the head of a cluster listens, "host:port"; empty where that is not known, and then none is ever lost.

    clock: gives seconds.
    """

    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._host, _, self._port = address.rpartition(":")
        self._clock = clock
        self._heard = self._looked = clock()
        self._silent = False
        self._one_at_a_time = Lock()

    def watched(self, call: Callable[[], _T]) -> _T:
        """What a call of Ray's gives, or raises; EngineLost once the head is lost, even if the call never ends."""
        ended: Future[_T] = Future()

        def run() -> None:
            try:
                with self._one_at_a_time:  # after Ctrl-C the last one may still run
                    ended.set_result(call())
            except BaseException as error:
                ended.set_exception(error)

        Thread(target=run, daemon=True).start()  # daemon: one that never ends keeps no process
        while not self.lost():
            if wait([ended], timeout=_PAUSE).done:
                return ended.result()
        raise EngineLost("the head of the Ray cluster does not answer. Run the same command again when it is back.")

    def lost(self) -> bool:
        """Whether it has not answered for so long, also when asked just now."""
        now = self._clock()
        if self._host and now - self._looked >= _PAUSE:
            # A batch that was busy or suspended has heard nothing either: silence begins with the first look in vain.
            since = self._heard if self._silent else now
            self._silent = not self._answers()
            self._looked = self._clock()
            self._heard = since if self._silent else self._looked
        return self._silent and self._looked - self._heard >= PATIENCE

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self._host.strip("[]"), int(self._port)), timeout=_LONGEST):
                return True
        except OSError:
            return False


def address_of(ray: Any) -> str:
    """Where the head of a connected cluster listens; empty for a mere client (ray://), which notices by itself."""
    with contextlib.suppress(Exception):
        return str(ray.get_runtime_context().gcs_address)
    return ""
