"""A frame's read-back from the device on which it was dreamed.

On a GPU nothing waits for it: packing and copying to pinned memory are queued behind the frame's own work, and the next
frame behind them. Only the thread that needs the pixels waits until they have arrived.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from zoomdream.color.alpha import multiplied, over_black, unmultiplied
from zoomdream.encode.segment import pack, raw
from zoomdream.errors import OutputError
from zoomdream.types import State


@dataclass(frozen=True, slots=True)
class Readback:
    """A frame for the encoder and for observers. shown: (1, C, H, W), or packed already, (H, W, C); bits: per channel;
    finite: whether all numbers are, 0-dim, None where that is not looked at; kept: the state, on the CPU, where a unit
    ends with the frame; arrived: None where nothing is queued.
    """

    index: int
    bits: int
    shown: Tensor
    finite: Tensor | None
    kept: State | None
    arrived: torch.cuda.Event | None

    def raw(self) -> memoryview:
        """The bytes for the encoder. OutputError if the state holds numbers that are not finite."""
        levels = self._levels()
        if self.finite is not None and not bool(self.finite):
            raise OutputError(
                f"Frame {self.index} holds values that are no finite numbers, as every later one would: nothing since "
                "the last whole segment is kept. Set performance.precision to float32, or make dream.step_size "
                "smaller."
            )
        return raw(levels)

    def tensor(self) -> Tensor:
        """The picture as an observer sees it, (3, H, W) float32 in [0, 1] on the CPU; transparent parts over black."""
        picture = self._levels().permute(2, 0, 1).float().div_(2**self.bits - 1)
        return over_black(multiplied(picture[None]))[0]

    def _levels(self) -> Tensor:
        if self.arrived is not None:
            self.arrived.synchronize()
        return pack(self.shown, self.bits) if self.shown.is_floating_point() else self.shown


def read_back(state: State, size: tuple[int, int], bits: int, *, last: bool) -> Readback:
    """Start the read-back of a frame. size: (height, width); bits: per channel; last: whether a unit ends with it.

    Every frame of a zoom is made of the one before, so that values which are not finite stay: one look at the end of
    each segment is enough. A clip's next shot begins without them, so that all of a clip's frames are looked at.
    """
    device = state.picture.device
    finite = torch.isfinite(state.picture).all() if last or state.added is not None else None
    shown = unmultiplied(state.shown(size))
    if device.type == "cpu":  # the thread that needs them packs the pixels
        return Readback(state.index, bits, shown, finite, state if last else None, None)
    queued = device.type == "cuda"  # there, copies that do not wait go to pinned memory
    packed = pack(shown, bits).to("cpu", non_blocking=queued)
    told = None if finite is None else finite.to("cpu", non_blocking=queued)
    kept = state.to("cpu", non_blocking=queued) if last else None
    arrived = None
    if queued:
        arrived = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]  # who waits for it sleeps
        arrived.record(torch.cuda.current_stream(device))
    return Readback(state.index, bits, packed, told, kept, arrived)
