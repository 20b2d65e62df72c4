"""A GPU emulated on the CPU: tensors that say that they lie on it, and CUDA graphs of what is done with them.

Each wraps a tensor of the CPU, so that what comes out are real pictures. What a real GPU would refuse or wait for is
noted, with the operation and the line of zoomdream that asked for it:

mixed      an operation on tensors of both sides
waits      what asks the GPU for a number, or for how many numbers there are, and so waits for all that is queued
uploaded   copies to the GPU of memory that is not pinned, or for which the CPU waits
fetched    copies from the GPU for which the CPU waits
double     float64 on the GPU, which most have next to no units for

A graph keeps each operation with the memory that it read and wrote, and a replay does them all again on that memory. As
with real ones, Python's numbers stay what they were, a capture must not note anything of the above but `double`, and
what it gives is nothing before the first replay.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.weak import WeakIdKeyDictionary

from zoomdream.dream import dreamer
from zoomdream.machine import devices

GPU = torch.device("cuda:0")  # with a number: a driver is asked which one plain "cuda" is
_PACKAGE = str(Path(devices.__file__).parents[1])
_aten = torch.ops.aten


class GpuTensor(Tensor):
    """Its device is the GPU to Python, and `meta` to PyTorch's own code, which asks no driver about that."""

    device = property(lambda self: GPU)
    is_cpu = False

    @staticmethod
    def __new__(cls, inner):
        layout = (inner.shape, inner.stride(), inner.storage_offset())
        made = Tensor._make_wrapper_subclass(cls, *layout, dtype=inner.dtype, device="meta")
        made.inner = inner
        return made

    def tolist(self):
        return self.cpu().tolist()

    def __getitem__(self, index):
        """A list is copied to the GPU; on `meta` PyTorch would make nothing of its numbers."""
        parts = index if isinstance(index, tuple) else (index,)
        return super().__getitem__(tuple(torch.tensor(one, device=GPU) if type(one) is list else one for one in parts))

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        raise AssertionError(f"{function} on a GPU that is no longer emulated, or in another thread")


class EmulatedGpu(TorchDispatchMode):
    """notes: kind, operation and line of ours. captures: graphs begun. replays: of all graphs. free: bytes, and `taken`
    those that one call takes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[tuple[str, str, str]] = []
        self.captures = self.replays = 0
        self.free, self.taken = 2**30, 2**20
        self.stream: Any = SimpleNamespace(wait_stream=lambda other: None, device=GPU)
        self.graph: Graph | None = None  # that is being captured
        self._pinned = WeakIdKeyDictionary()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs, packet = dict(kwargs or {}), function.overloadpacket
        wrappers = {id(one.inner): one for one in _tensors(args, kwargs) if isinstance(one, GpuTensor)}
        there = bool(wrappers)  # whether what comes out is
        if kwargs.get("device") is not None:
            there = torch.device(kwargs["device"]).type != "cpu"
            kwargs["device"] = "cpu"
        if packet is _aten.is_pinned:
            return args[0].untyped_storage() in self._pinned
        pins = packet is _aten._pin_memory or kwargs.pop("pin_memory", False)
        function = _aten.clone.default if packet is _aten._pin_memory else function
        if packet is _aten._to_copy and there != bool(wrappers):
            queued = kwargs.get("non_blocking") and not self.graph
            if not queued or (there and args[0].untyped_storage() not in self._pinned):
                self.note("uploaded" if there else "fetched", function)
        elif wrappers:
            self._look(function, _tensors(args, kwargs))
        args, kwargs = tree_map_only(GpuTensor, lambda one: one.inner, (args, kwargs))
        result = (self.graph.run if self.graph and there else _run)(function, args, kwargs)
        if pins:
            self._pinned[result.untyped_storage()] = None
        if wrappers and there and any(one.dtype in (torch.float64, torch.complex128) for one in _tensors(result)):
            self.note("double", function)
        wrap = lambda one: wrappers[id(one)] if id(one) in wrappers else GpuTensor(one)  # noqa: E731
        return tree_map_only(Tensor, wrap, result) if there else result

    def _look(self, function: Any, given: list[Tensor]) -> None:
        if any(one.ndim > 0 and not isinstance(one, GpuTensor) for one in given):
            self.note("mixed", function)
        waits = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape} & {*function.tags}
        if function.overloadpacket in (_aten.index, _aten.index_put, _aten.index_put_):
            waits = any(one.dtype == torch.bool for one in given[1:])  # a mask, which is counted
        if waits:
            self.note("waits", function)

    def note(self, kind: str, what: object) -> None:
        if self.graph and kind != "double":
            raise RuntimeError(f"CUDA error: operation not permitted when stream is capturing: {what} ({kind})")
        stack = (frame.f_code.co_filename + f":{number}" for frame, number in traceback.walk_stack(None))
        line = next((one.removeprefix(_PACKAGE) for one in stack if one.startswith(_PACKAGE)), "")
        self.notes.append((kind, str(what), line))

    @contextmanager
    def streaming(self, stream: SimpleNamespace) -> Iterator[None]:
        before, self.stream = self.stream, stream
        try:
            yield
        finally:
            self.stream = before

    @contextmanager
    def capturing(self, graph: Graph, *, pool: object, stream: object, capture_error_mode: str) -> Iterator[None]:
        assert capture_error_mode == "thread_local", "threads that read and record go on meanwhile"
        assert not torch._C._is_multithreading_enabled()
        self.captures += 1
        before, self.stream, self.graph = self.stream, stream, graph
        try:
            yield
        finally:
            self.graph = None
        self.stream = before  # not after a failure, as in older PyTorch
        for tensor in filter(Tensor.is_floating_point, graph.own.values()):
            tensor.fill_(torch.nan)


@contextmanager
def emulated(patch: pytest.MonkeyPatch) -> Iterator[EmulatedGpu]:
    """Within it `cuda:0` is a device, for this thread."""
    gpu = EmulatedGpu()
    stand_ins = {
        "Event": lambda blocking: SimpleNamespace(record=lambda stream: None, synchronize=lambda: None),
        "Stream": lambda device: SimpleNamespace(wait_stream=lambda other: None, device=GPU),
        "stream": gpu.streaming,
        "current_stream": lambda device: gpu.stream,
        "device": lambda device: nullcontext(),
        "CUDAGraph": lambda: Graph(gpu),
        "graph": gpu.capturing,
        "graph_pool_handle": lambda: (0, 1),
        "memory_allocated": lambda: 0,
        "max_memory_allocated": lambda: gpu.taken,
        "mem_get_info": lambda: (gpu.free, 2**30),
    }
    nothing = dict.fromkeys(("_lazy_init", "empty_cache", "reset_peak_memory_stats"), lambda: None)
    for name, stand_in in (stand_ins | nothing).items():
        patch.setattr(torch.cuda, name, stand_in)
    patch.setattr(devices, "_devices", lambda: ["cpu", "cuda:0"])
    # A mode is of one thread: noise is drawn in this one.
    patch.setattr(dreamer.NoisePrefetch, "__call__", lambda self, size, index: self._draw(size, index))
    torch._C._set_only_lift_cpu_tensors(True)  # `torch.tensor` makes its tensor here and copies it
    try:
        with gpu:
            yield gpu
    finally:
        torch._C._set_only_lift_cpu_tensors(False)


class Graph:
    """own: what operations made, by the identity of their memory, which is kept as a graph keeps it."""

    def __init__(self, gpu: EmulatedGpu) -> None:
        self._gpu = gpu
        self.own: dict[Any, Tensor] = {}
        self._operations: list[Any] = []

    def run(self, function: Any, args: Any, kwargs: Any) -> Any:
        read = tree_map_only(Tensor, Tensor.detach, (args, kwargs))
        result = _run(function, args, kwargs)
        written = [one.detach() for one in _made(result, args, kwargs)]
        self.own |= {one.untyped_storage(): one for one in written}
        self._operations.append((function, read, written))
        return result

    def replay(self) -> None:
        self._gpu.replays += 1
        for function, (args, kwargs), written in self._operations:
            for old, new in zip(written, _made(_run(function, args, kwargs), args, kwargs), strict=True):
                old.copy_(new)


def _made(result: Any, *given: Any) -> list[Tensor]:
    """Those of the results that lie in memory of their own."""
    inputs = {one.untyped_storage() for one in _tensors(given)}
    return [one for one in _tensors(result) if one.untyped_storage() not in inputs]


def _run(function: Any, args: Any, kwargs: Any) -> Any:
    return function(*args, **kwargs)


def _tensors(*values: Any) -> list[Tensor]:
    return [one for one in tree_leaves(values) if isinstance(one, Tensor)]
