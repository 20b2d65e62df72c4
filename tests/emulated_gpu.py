"""A GPU emulated on the CPU: tensors that pass for a GPU's, and CUDA graphs of what is done with them.

PyTorch computes on the CPU, to real pictures, but of each storage it is known on which side it lies, and `device` says
so. What a real GPU would refuse or wait for is noted, with the operation and the line of zoomdream that asked for it:

mixed      an operation on tensors of both sides
waits      what asks the GPU for a number, or for how many numbers there are, and so waits for all that is queued
uploaded   copies to the GPU of memory that is not pinned, or for which the CPU waits
fetched    copies from the GPU for which the CPU waits
double     float64 on the GPU, which most have next to no units for

A graph keeps each operation with the memory that it read and wrote, and a replay does them all again on that memory. As
with real ones, Python's numbers stay what they were, a capture must not note anything of the above but `double`, what
it gives is nothing before the first replay, and memory that was freed since must not be read.
"""

from __future__ import annotations

import traceback
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.weak import WeakIdKeyDictionary

from zoomdream.autodiff import cuda_graphs
from zoomdream.dream import dreamer
from zoomdream.machine import devices

GPU = torch.device("cuda:0")
_PACKAGE = str(Path(devices.__file__).parents[1])

# For as long as the tests run: constants that are made once stay on their side.
_there = WeakIdKeyDictionary()
_pinned = WeakIdKeyDictionary()


def on_gpu(tensor: Tensor) -> bool:
    return tensor.layout is torch.strided and tensor.untyped_storage() in _there  # packed weights have no storage


def _tensors(*values: Any) -> list[Tensor]:
    return [one for one in tree_leaves(values) if isinstance(one, Tensor)]


class EmulatedGpu:
    """notes: kind, operation and line of ours. captures: graphs begun. replays: of all graphs. free: bytes, and `taken`
    those that one call takes.
    """

    def __init__(self) -> None:
        self.notes: list[tuple[str, str, str]] = []
        self.captures = self.replays = 0
        self.free, self.taken = 2**30, 2**20
        self.stream = SimpleNamespace(wait_stream=lambda other: None, device=GPU)
        self.graph: Graph | None = None  # that is being captured
        self.making = False

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
        for tensor in graph.own.values():
            if tensor.is_floating_point():
                tensor.fill_(torch.nan)


@contextmanager
def emulated(patch: pytest.MonkeyPatch) -> Iterator[EmulatedGpu]:
    """Within it `cuda` is a device, for this thread."""
    gpu = EmulatedGpu()
    stand_ins: dict[str, Any] = {
        "Event": lambda blocking: SimpleNamespace(record=lambda stream: None, synchronize=lambda: None),
        "Stream": lambda device: SimpleNamespace(wait_stream=lambda other: None, device=GPU),
        "stream": gpu.streaming,
        "current_stream": lambda device: gpu.stream,
        "device": lambda device: nullcontext(),
        "CUDAGraph": lambda: Graph(gpu),
        "graph": gpu.capturing,
        "graph_pool_handle": lambda: (0, 1),
        "empty_cache": lambda: None,
        "reset_peak_memory_stats": lambda: None,
        "memory_allocated": lambda: 0,
        "max_memory_allocated": lambda: gpu.taken,
        "mem_get_info": lambda: (gpu.free, 2**30),
    }
    for name, stand_in in stand_ins.items():
        patch.setattr(torch.cuda, name, stand_in)
    # Modes are of one thread: what other threads would do is done in this one.
    at_once = SimpleNamespace(submit=_done, shutdown=lambda **_: None)
    patch.setattr(dreamer, "ThreadPoolExecutor", lambda *_, **__: at_once)
    patch.setattr(devices, "_devices", lambda: ["cpu", "cuda"])
    # PyTorch takes the mode that answers for `device` away while it does what was asked under it.
    patch.setattr(cuda_graphs, "_elsewhere", lambda tensor: tensor.ndim > 0 and not on_gpu(tensor))
    sides, backward = _Sides(gpu), torch.autograd._engine_run_backward

    def watched_backward(*args: Any, **kwargs: Any) -> Any:
        with sides:
            return backward(*args, **kwargs)

    patch.setattr(torch.autograd, "_engine_run_backward", watched_backward)
    with sides, _Operations(gpu):
        yield gpu


def _done(work: Callable[..., Tensor], *args: Any) -> Future[Tensor]:
    future: Future[Tensor] = Future()
    future.set_result(work(*args))
    return future


class _Operations(TorchDispatchMode):
    """Follows every operation, also those of backward passes: results lie where what they are made of lies."""

    def __init__(self, gpu: EmulatedGpu) -> None:
        super().__init__()
        self._gpu = gpu

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        gpu, kwargs = self._gpu, kwargs or {}
        given = _tensors(args, kwargs)
        read = tree_map(gpu.graph.place, (args, kwargs)) if gpu.graph else None
        result = function(*args, **kwargs)
        there = any(map(on_gpu, given))
        if there and any(one.ndim > 0 and not on_gpu(one) for one in given):
            gpu.note("mixed", function)
        if there and _asks_for_numbers(function, given):
            gpu.note("waits", function)
        for one in _tensors(result) if there or gpu.making else ():
            _there[one.untyped_storage()] = None
            if one.dtype in (torch.float64, torch.complex128):
                gpu.note("double", function)
        if gpu.graph:
            gpu.graph.keep(function, read, result, {one.untyped_storage() for one in given})
        return result


def _asks_for_numbers(function: Any, given: list[Tensor]) -> bool:
    if function.overloadpacket in (torch.ops.aten.index, torch.ops.aten.index_put, torch.ops.aten.index_put_):
        return any(one.dtype == torch.bool for one in given[1:])  # a mask, which is counted
    return bool({torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape} & {*function.tags})


class _Sides(TorchFunctionMode):
    """What Python asks of tensors and of devices."""

    def __init__(self, gpu: EmulatedGpu) -> None:
        super().__init__()
        self._gpu = gpu

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if function == Tensor.device.__get__:
            return GPU if on_gpu(args[0]) else function(*args)
        if function == Tensor.is_cpu.__get__:
            return not on_gpu(args[0])
        if function is Tensor.cpu:
            return self._to(args[0], "cpu")
        if function is Tensor.to:
            return self._to(*args, **kwargs)
        if function is Tensor.pin_memory or kwargs.pop("pin_memory", False):
            pinned = args[0].clone() if function is Tensor.pin_memory else function(*args, **kwargs)
            _pinned[pinned.untyped_storage()] = None
            return pinned
        if function in (Tensor.tolist, Tensor.numpy) and on_gpu(args[0]):
            self._gpu.note("waits", function)
        if _is_gpu(kwargs.get("device")) and function is not torch._C._nn._parse_to:
            if function in (torch.tensor, torch.as_tensor):
                self._gpu.note("uploaded", function)
            self._gpu.making = True
            made = function(*args, **kwargs | {"device": "cpu"})
            self._gpu.making = False
            return made
        return function(*args, **kwargs)

    def _to(self, tensor: Tensor, *args: Any, copy: bool = False, **kwargs: Any) -> Tensor:
        if args and isinstance(args[0], Tensor):
            args = (GPU if on_gpu(args[0]) else torch.device("cpu"), args[0].dtype, *args[1:])
        device, dtype, non_blocking, memory_format = torch._C._nn._parse_to(*args, **kwargs)
        options = {} if memory_format is None else {"memory_format": memory_format}
        there = on_gpu(tensor) if device is None else _is_gpu(device)
        if there == on_gpu(tensor):
            return tensor.to(dtype or tensor.dtype, copy=copy, **options)
        if there and (self._gpu.graph or not (non_blocking and tensor.untyped_storage() in _pinned)):
            self._gpu.note("uploaded", tuple(tensor.shape))
        if not there and (self._gpu.graph or not non_blocking):
            self._gpu.note("fetched", tuple(tensor.shape))
        moved = tensor.to(dtype or tensor.dtype, copy=True, **options)
        _there.pop(moved.untyped_storage(), None)
        if there:
            _there[moved.untyped_storage()] = None
        return moved


def _is_gpu(device: Any) -> bool:
    return device is not None and torch.device(device).type == "cuda"


class Graph:
    """own: what operations made, by the identity of their memory, which is kept as a graph keeps it."""

    def __init__(self, gpu: EmulatedGpu) -> None:
        self._gpu = gpu
        self.own: dict[Any, Tensor] = {}
        self._operations: list[tuple[Any, Any, Any]] = []

    def place(self, value: Any) -> Any:
        """A tensor of the graph's own as it is; of another only where it lies, which is not kept."""
        if not isinstance(value, Tensor):
            return value
        return value.detach() if value.untyped_storage() in self.own else _Place(value)

    def keep(self, function: Any, read: Any, result: Any, inputs: set[Any]) -> None:
        written = tree_map(lambda one: one.detach() if isinstance(one, Tensor) else one, result)
        self.own |= {one.untyped_storage(): one for one in _tensors(written) if one.untyped_storage() not in inputs}
        self._operations.append((function, read, written))

    def replay(self) -> None:
        self._gpu.replays += 1
        for function, read, written in self._operations:
            args, kwargs = tree_map(lambda one: one.tensor() if isinstance(one, _Place) else one, read)
            again = function(*args, **kwargs)
            inputs = {one.untyped_storage() for one in _tensors(args, kwargs)}
            for old, new in zip(_tensors(written), _tensors(again), strict=True):
                if new.untyped_storage() not in inputs:
                    old.copy_(new)


class _Place:
    """Where a tensor lies."""

    def __init__(self, tensor: Tensor) -> None:
        self._storage = weakref.ref(tensor.untyped_storage())
        self._shape = (tensor.storage_offset(), tensor.shape, tensor.stride())
        self._dtype = tensor.dtype

    def tensor(self) -> Tensor:
        storage = self._storage()
        assert storage is not None, "a graph reads memory that was freed"
        return torch.empty(0, dtype=self._dtype).set_(storage, *self._shape)
