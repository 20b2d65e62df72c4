"""CUDA graphs: what a function asks of a GPU, captured, and from then on replayed as a whole.

A step of a dream is hundreds of short operations. A fast GPU is done with each before Python asks for the next, and
waits most of the time; in a graph they follow each other without gaps.

A graph does the same operations on the same memory again. So whatever may change is copied into that memory first, and
whatever may not is part of the key that the graph is found by: `CudaGraphs` sees to both, as long as a function depends
on nothing but its arguments. The rest is as PyTorch's "CUDA semantics" advises under "CUDA Graphs".
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd.grad_mode import set_multithreading_enabled
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

WARM_UP = 6
"""Eager calls before a graph is captured: what comes so often comes again, what changes with each frame does not."""
TRIALS = 6
"""Calls after that whose eager result counts, and with which that of the graph is compared."""
KEPT = 16
"""Kinds of calls that are kept, those called last; each octave of a dream is one."""
_INDEXING = (torch.ops.aten.index, torch.ops.aten.index_put, torch.ops.aten.index_put_)
_ALIKE = 0.05  # of the result; sums in another order make 0.01 of a gradient in bfloat16, a forgotten input most of it


def eager(function: Callable[..., Tensor], *arguments: Any) -> Tensor:
    """What `CudaGraphs` does without graphs."""
    return function(*arguments)


class CudaGraphs:
    """Call it with a function and its arguments: the same tensor as without, but after a few calls quicker.

    function: depends on nothing but its arguments, and writes to none of them. arguments: tensors on one GPU, and what
    else `structure` tells apart. Whatever goes wrong with graphs, even memory for them, ends their use with a line in
    the log, and the function is called eagerly.
    """

    def __init__(self) -> None:
        self._kinds: dict[Hashable, _Kind] = {}
        self._place: Any = None  # memory that all graphs share, and the stream that they are captured on
        self._ended = False

    def __call__(self, function: Callable[..., Tensor], *arguments: Any) -> Tensor:
        tensors: list[Tensor] = []
        kind = None if self._ended else self._find((function, structure(arguments, tensors)))
        if kind is None:
            return function(*arguments)
        result: Tensor | None = None
        try:
            if kind.graph is not None and kind.trials >= TRIALS:
                return kind.graph(tensors)
            result = function(*arguments)
            kind.calls += 1
            if kind.calls > WARM_UP:
                self._try(kind, function, arguments, tensors, result)
            return result
        except Exception as error:
            if result is None and not any(one.graph for one in self._kinds.values()):
                raise  # the function's own
            reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        # Only here is the traceback gone, and with it what filled the memory. Graphs may hold what was wanted.
        self._ended, kind = True, None
        self._kinds.clear()
        with suppress(RuntimeError):  # its bookkeeping may be out of step after a capture that failed
            torch.cuda.empty_cache()
        logging.getLogger(__name__).warning("zoomdream goes on without CUDA graphs, maybe slower: %s", reason)
        return function(*arguments) if result is None else result

    def _find(self, key: Hashable) -> _Kind | None:
        """The kind of call that a key stands for; None where it cannot be told from others."""
        try:
            kind = self._kinds.pop(key) if key in self._kinds else _Kind()
        except TypeError:
            return None
        self._kinds[key] = kind  # at the end, as the one called last
        for oldest in [*self._kinds][:-KEPT]:
            del self._kinds[oldest]
        return kind

    def _try(
        self,
        kind: _Kind,
        function: Callable[..., Tensor],
        arguments: tuple[Any, ...],
        tensors: list[Tensor],
        result: Tensor,
    ) -> None:
        if kind.graph is None:
            if self._place is None:
                stream = torch.cuda.Stream(result.device)  # type: ignore[no-untyped-call]
                self._place = (torch.cuda.graph_pool_handle(), stream)
            kind.graph = _Graph(function, arguments, *self._place)
        again = kind.graph(tensors)
        if not bool(torch.linalg.vector_norm(again - result) <= _ALIKE * torch.linalg.vector_norm(result)):
            raise RuntimeError("what a graph gives is something else")
        kind.trials += 1


class _Kind:
    """Calls that differ in nothing but the numbers in their tensors. trials: passed by the graph."""

    __slots__ = ("calls", "graph", "trials")

    def __init__(self) -> None:
        self.calls = self.trials = 0
        self.graph: _Graph | None = None


class _Graph:
    """Calls of one kind as a graph."""

    def __init__(
        self, function: Callable[..., Tensor], arguments: tuple[Any, ...], pool: Any, stream: torch.cuda.Stream
    ) -> None:
        self._inputs: list[Tensor] = []
        own = _with_tensors(arguments, self._input)
        now = torch.cuda.current_stream(stream.device)
        # Backwards in this thread as well, so that nothing depends on another one. "thread_local", because those that
        # read, draw and record go on meanwhile: they may pin memory, and wait for copies of their own. And what stream
        # is used now is so afterwards: after a capture that failed older PyTorch stays with that one's.
        with torch.cuda.device(stream.device), torch.cuda.stream(now), set_multithreading_enabled(False):
            stream.wait_stream(now)
            # Once as it is, for libraries to make themselves ready.
            with torch.cuda.stream(stream), _Watch():  # type: ignore[no-untyped-call]
                _check_memory(lambda: function(*own))
            now.wait_stream(stream)
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph, pool=pool, stream=stream, capture_error_mode="thread_local"):
                self._output = function(*own)

    def _input(self, tensor: Tensor) -> Tensor:
        # With the same strides, or libraries might do another thing.
        own = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=tensor.device)
        self._inputs.append(own.copy_(tensor))
        return own

    def __call__(self, tensors: list[Tensor]) -> Tensor:
        torch._foreach_copy_(self._inputs, tensors)
        self._graph.replay()
        return self._output.clone()  # the next call overwrites it


def _check_memory(call: Callable[[], Tensor]) -> None:
    """Nobody else can have what graphs hold: twice as much as a call takes must be free."""
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    call()
    taken = torch.cuda.max_memory_allocated() - before
    torch.cuda.empty_cache()
    if torch.cuda.mem_get_info()[0] < 2 * taken:
        raise RuntimeError(f"{taken / 2**30:.1f} GiB for them are too much for this GPU")


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """RuntimeError where a function does what no graph can: ask the GPU for numbers, or look at the CPU's memory.

    PyTorch refuses too, but in the middle of a capture, which it cannot wholly tidy up after.
    """

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        touched = [one for one in tree_leaves((args, kwargs, result)) if isinstance(one, Tensor)]
        asks = torch.Tag.data_dependent_output in function.tags
        if function.overloadpacket in _INDEXING:  # by numbers; with a mask it must be counted
            asks = any(one.dtype in (torch.bool, torch.uint8) for one in touched[1:])
        elif torch.Tag.dynamic_output_shape in function.tags:
            asks = True
        if asks or any(map(_elsewhere, touched)):
            raise RuntimeError(f"{function} makes the CPU and the GPU wait for each other")
        return result


def _elsewhere(tensor: Tensor) -> bool:
    return tensor.ndim > 0 and tensor.device.type != "cuda"


def structure(value: Any, tensors: list[Tensor]) -> Hashable:
    """All of a value but the numbers in its tensors, which are added to the list. Equal for values that a function
    cannot tell apart but by those numbers; hashable if all that is in the value is.

    Looks into lists, tuples and frozen dataclasses. Anything else stands for itself.
    """
    if isinstance(value, Tensor):
        tensors.append(value)
        return Tensor, value.shape, value.stride(), value.dtype, value.device
    if _frozen(value):
        return type(value), *(structure(getattr(value, field.name), tensors) for field in fields(value))
    if type(value) in (list, tuple):
        return type(value), *(structure(one, tensors) for one in value)
    return type(value), value  # 1 and True are equal otherwise


def _with_tensors(value: Any, made: Callable[[Tensor], Tensor]) -> Any:
    """The value with what is `made` of each tensor in its place, in the order of `structure`."""
    if isinstance(value, Tensor):
        return made(value)
    if _frozen(value):
        return replace(value, **{one.name: _with_tensors(getattr(value, one.name), made) for one in fields(value)})
    if type(value) in (list, tuple):
        return type(value)(_with_tensors(one, made) for one in value)
    return value


def _frozen(value: Any) -> bool:
    return is_dataclass(value) and not isinstance(value, type) and bool(value.__dataclass_params__.frozen)  # type: ignore[attr-defined]
