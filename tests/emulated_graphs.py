"""Emulated CUDA graphs, for an emulated GPU: each operation of a capture is remembered with the memory that it read
and wrote, and a replay does them all again on that very memory.

As with real ones, numbers of Python's stay what they were, a capture must not touch the CPU's memory nor ask for
numbers, what it gives is nothing before the first replay, and memory that was freed since must not be read.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from tests.emulated_gpu import EmulatedGpu, emulated, on_gpu
from zoomdream.autodiff import cuda_graphs


class EmulatedGraphs:
    """captures: how many were begun. replays: how many there were, of all graphs. free: bytes of the GPU."""

    def __init__(self, gpu: EmulatedGpu) -> None:
        self.gpu = gpu
        self.captures = self.replays = 0
        self.free, self.taken = 2**30, 2**20
        self.stream = _stream()

    @contextmanager
    def streaming(self, stream: SimpleNamespace) -> Iterator[None]:
        before, self.stream = self.stream, stream
        try:
            yield
        finally:
            self.stream = before


def _stream() -> SimpleNamespace:
    return SimpleNamespace(wait_stream=lambda other: None, device=torch.device("cuda:0"))


@contextmanager
def emulated_graphs(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmulatedGraphs]:
    """As `emulated`, with graphs."""
    with emulated(monkeypatch) as gpu:
        graphs = EmulatedGraphs(gpu)
        stand_ins: dict[str, Any] = {
            "Stream": lambda device: _stream(),
            "stream": graphs.streaming,
            "current_stream": lambda device: graphs.stream,
            "device": lambda device: nullcontext(),
            "CUDAGraph": lambda: _Graph(graphs),
            "graph": _capture,
            "graph_pool_handle": lambda: (0, 1),
            "empty_cache": lambda: None,
            "reset_peak_memory_stats": lambda: None,
            "memory_allocated": lambda: 0,
            "max_memory_allocated": lambda: graphs.taken,
            "mem_get_info": lambda: (graphs.free, 2**30),
        }
        for name, stand_in in stand_ins.items():
            monkeypatch.setattr(torch.cuda, name, stand_in)
        # PyTorch takes the mode that says so away while it does what was asked under it.
        monkeypatch.setattr(cuda_graphs, "_elsewhere", lambda tensor: tensor.ndim > 0 and not on_gpu(tensor))
        yield graphs


@contextmanager
def _capture(graph: _Graph, *, pool: object, stream: SimpleNamespace, capture_error_mode: str) -> Iterator[None]:
    assert capture_error_mode == "thread_local"
    assert not torch._C._is_multithreading_enabled()
    graph.graphs.captures += 1
    before, graph.graphs.stream = graph.graphs.stream, stream
    graph.graphs.gpu.capturing = True
    try:
        with _Recording(graph):
            yield
    finally:
        graph.graphs.gpu.capturing = False
    graph.graphs.stream = before  # not after a failure, as in older PyTorch
    for tensor in graph.own.values():
        if tensor.is_floating_point():
            tensor.fill_(torch.nan)


class _Graph:
    """own: what operations made, by the identity of their memory, which is kept as a graph keeps it."""

    def __init__(self, graphs: EmulatedGraphs) -> None:
        self.graphs = graphs
        self.own: dict[Any, Tensor] = {}
        self.operations: list[tuple[Any, Any, Any, Any]] = []

    def replay(self) -> None:
        self.graphs.replays += 1
        for function, args, kwargs, results in self.operations:
            given = tree_map(_found, (args, kwargs))
            again = function(*given[0], **given[1])
            inputs = {one.untyped_storage() for one in tree_leaves(given) if isinstance(one, Tensor)}
            for old, new in zip(tree_leaves(results), tree_leaves(again), strict=True):
                if isinstance(old, Tensor) and new.untyped_storage() not in inputs:
                    old.copy_(new)


class _Recording(TorchDispatchMode):
    def __init__(self, graph: _Graph) -> None:
        super().__init__()
        self._graph = graph

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given, options = tree_map(self._remembered, (args, kwargs or {}))
        results = function(*args, **(kwargs or {}))
        inputs = {one.untyped_storage() for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)}
        kept = tree_map(lambda one: one.detach() if isinstance(one, Tensor) else one, results)
        for one in tree_leaves(kept):
            if isinstance(one, Tensor) and one.untyped_storage() not in inputs:
                self._graph.own[one.untyped_storage()] = one
        self._graph.operations.append((function, given, options, kept))
        return results

    def _remembered(self, value: Any) -> Any:
        """A tensor of the graph's own as it is; of another only where it lies, which is not kept."""
        if not isinstance(value, Tensor):
            return value
        return value.detach() if value.untyped_storage() in self._graph.own else _Place(value)


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


def _found(value: Any) -> Any:
    return value.tensor() if isinstance(value, _Place) else value
