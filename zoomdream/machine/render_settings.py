"""What a render needs of its whole process: torch's threads, OpenCV's one thread, exact arithmetic on a GPU."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar
from weakref import WeakSet

import torch

from zoomdream.machine.opencv import opencv_threads, set_opencv_threads


@dataclass(frozen=True, slots=True)
class _Switches:
    """threads: of torch in this thread. deterministic, allow_tf32: of cuDNN."""

    threads: int
    opencv_threads: int
    deterministic: bool
    allow_tf32: bool

    @staticmethod
    def now() -> _Switches:
        cudnn = torch.backends.cudnn
        return _Switches(torch.get_num_threads(), opencv_threads(), cudnn.deterministic, cudnn.allow_tf32)

    def apply(self) -> None:
        torch.set_num_threads(self.threads)
        set_opencv_threads(self.opencv_threads)
        torch.backends.cudnn.deterministic = self.deterministic
        torch.backends.cudnn.allow_tf32 = self.allow_tf32


class RenderSettings:
    """The settings of a render, from now until `close`, which puts back what was found: whoever calls the library from
    a program of their own has other things to compute. Several may be open at once: the last to close puts back what
    the first one found.

    cuDNN is deterministic, or a resumed render could end with other frames, and does without TF32, or a GPU's float32
    would be one of 10 bits and its dreams differ from a CPU's.
    """

    # The process's, not an instance's, as the switches are.
    _lock: ClassVar[threading.Lock] = threading.Lock()
    _open: ClassVar[WeakSet[RenderSettings]] = WeakSet()  # one that nobody can close any more counts for nothing
    _found: ClassVar[_Switches | None] = None

    def __init__(self, threads: int) -> None:
        with self._lock:
            if not self._open:
                RenderSettings._found = _Switches.now()
            self._open.add(self)
            _Switches(threads, opencv_threads=1, deterministic=True, allow_tf32=False).apply()

    def close(self) -> None:
        """May be called twice."""
        with self._lock:
            if self in self._open:
                self._open.discard(self)
                if not self._open and self._found is not None:
                    self._found.apply()


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch's operations in this thread use `count` threads, and afterwards as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
