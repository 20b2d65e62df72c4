"""A frame on its way from where it is dreamed to the thread that records it.

On a GPU nothing waits for it: packing and copying are queued behind the frame's own work, into pinned memory, and the
next frame is queued behind them; only the thread that records waits until they have arrived.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from zoomdream.encode.pixels import pack, raw
from zoomdream.errors import OutputError
from zoomdream.types import State


@dataclass(frozen=True, slots=True)
class Handed:
    """A frame as it is recorded. picture: as it is shown, (1, 3, H, W), or packed already; numbers: whether all are
    finite, 0-dim, None where nobody has looked; kept: the state, on the CPU, where a segment ends with the frame.
    `arrived` is None where nothing is on its way.
    """

    index: int
    bits: int
    picture: Tensor
    numbers: Tensor | None
    kept: State | None
    arrived: torch.cuda.Event | None

    def data(self) -> memoryview:
        """The raw pixels. OutputError if the state holds what is no number."""
        if self.arrived is not None:
            self.arrived.synchronize()
        if self.numbers is not None:
            check(self.numbers, self.index)
        return raw(pack(self.picture, self.bits) if self.picture.is_floating_point() else self.picture)


def hand_over(state: State, size: tuple[int, int], bits: int, *, last: bool) -> Handed:
    """A frame for the recorder. size: (height, width); bits per channel; last: whether a segment ends with it.

    Every frame of a zoom is made of the one before, and none gets rid of what is no number: one look at the end of each
    segment is enough. A clip's next shot does, so that all of a clip's are looked at.
    """
    device = state.picture.device
    numbers = torch.isfinite(state.picture).all() if last or state.added is not None else None
    shown = state.shown(size)
    if device.type == "cpu":  # the recorder's thread packs it
        return Handed(state.index, bits, shown, numbers, state if last else None, None)
    queued = device.type == "cuda"  # there, copies that do not wait go to pinned memory
    packed = pack(shown, bits).to("cpu", non_blocking=queued)
    told = None if numbers is None else numbers.to("cpu", non_blocking=queued)
    kept = state.to("cpu", non_blocking=queued) if last else None
    arrived = None
    if queued:
        arrived = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]  # who waits for it sleeps
        arrived.record(torch.cuda.current_stream(device))
    return Handed(state.index, bits, packed, told, kept, arrived)


def check(numbers: Tensor, index: int) -> None:
    """OutputError unless `numbers` says that all numbers of the frame are finite."""
    if not bool(numbers):
        raise OutputError(
            f"Frame {index} holds values that are no finite numbers, as every later one would: nothing since the "
            "last whole segment is kept. Set performance.precision to float32, or make dream.step_size smaller."
        )
