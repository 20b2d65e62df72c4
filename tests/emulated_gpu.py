"""An emulated GPU: tensors of the CPU that pass for a GPU's, under watch.

PyTorch computes on the CPU, to real pictures, but each storage is known to lie on the one side or the other, and
`device` says so. What a real GPU would refuse or wait for is noted, with the operation and the line that asked for it:

mixed      an operation on tensors of both sides
waits      what asks the GPU for a number, or for how many numbers there are, and so waits for all that is queued
uploaded   copies to the GPU of memory that is not pinned, or for which the CPU waits
fetched    copies from the GPU
double     float64 on the GPU, which most have next to no units for
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

from zoomdream.dream import noise_prefetch as drawn
from zoomdream.machine import devices

GPU = torch.device("cuda:0")
_PACKAGE = str(Path(devices.__file__).parent.parent)

# For as long as the tests run: constants that are made once stay on their side.
_there = WeakIdKeyDictionary()
_pinned = WeakIdKeyDictionary()

Note = tuple[str, str, str]
"""What of the above, which operation, and the line of ours that asked for it."""


def on_gpu(tensor: Tensor) -> bool:
    return tensor.layout is torch.strided and tensor.untyped_storage() in _there  # packed weights have no storage


class EmulatedGpu:
    """Use it within `emulated`. `notes` are what was seen since the last `forget`."""

    def __init__(self) -> None:
        self.notes: list[Note] = []
        self.capturing = False
        self.making = False

    def note(self, kind: str, what: object) -> None:
        if self.capturing and kind != "double":
            raise RuntimeError(f"CUDA error: operation not permitted when stream is capturing: {what} ({kind})")
        self.notes.append((kind, str(what), _line()))

    def of(self, *kinds: str) -> list[Note]:
        return [note for note in self.notes if note[0] in kinds]

    def forget(self) -> None:
        self.notes.clear()


@contextmanager
def emulated(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmulatedGpu]:
    """Within it `cuda` is a device, for this thread."""
    gpu = EmulatedGpu()
    event = SimpleNamespace(record=lambda stream: None, synchronize=lambda: None)
    monkeypatch.setattr(torch.cuda, "Event", lambda blocking: event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: None)
    monkeypatch.setattr(drawn, "ThreadPoolExecutor", lambda *_, **__: SimpleNamespace(submit=_done, shutdown=_ended))
    monkeypatch.setattr(devices, "_devices", lambda: ["cpu", "cuda"])
    sides, backward = _Sides(gpu), torch.autograd._engine_run_backward

    def watched_backward(*args: Any, **kwargs: Any) -> Any:
        with sides:  # which PyTorch has switched off for as long as it sees to `torch.autograd.grad`
            return backward(*args, **kwargs)

    monkeypatch.setattr(torch.autograd, "_engine_run_backward", watched_backward)
    with sides, _Watch(gpu):
        yield gpu


def _done(work: Callable[..., Tensor], *args: Any) -> Future[Tensor]:
    """What a thread of its own would do, where none would be watched."""
    future: Future[Tensor] = Future()
    future.set_result(work(*args))
    return future


def _ended(**_: bool) -> None:
    pass


class _Watch(TorchDispatchMode):
    """Follows every operation, also those of backward passes: results lie where what they are made of lies."""

    def __init__(self, gpu: EmulatedGpu) -> None:
        super().__init__()
        self._gpu = gpu

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
        there = [one for one in given if on_gpu(one)]
        result = function(*args, **(kwargs or {}))
        if not there and not self._gpu.making:
            return result
        if there and any(one.ndim > 0 and not on_gpu(one) for one in given):
            self._gpu.note("mixed", function)
        if asks_for_numbers(function, given):
            self._gpu.note("waits", function)
        for one in tree_leaves(result):
            if isinstance(one, Tensor):
                _there[one.untyped_storage()] = None
                if one.dtype in (torch.float64, torch.complex128):
                    self._gpu.note("double", function)
        return result


def asks_for_numbers(function: Any, given: list[Tensor]) -> bool:
    """Whether the CPU has to know a number of a tensor's, or how many there are."""
    if torch.Tag.data_dependent_output in function.tags:
        return True
    if function.overloadpacket in (torch.ops.aten.index, torch.ops.aten.index_put, torch.ops.aten.index_put_):
        return any(one.dtype in (torch.bool, torch.uint8) for one in given[1:])
    return torch.Tag.dynamic_output_shape in function.tags


class _Sides(TorchFunctionMode):
    """What Python asks of tensors and of devices."""

    def __init__(self, gpu: EmulatedGpu) -> None:
        super().__init__()
        self._gpu = gpu

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if function == Tensor.device.__get__:
            return GPU if on_gpu(args[0]) else function(*args)
        if function in (Tensor.is_cuda.__get__, Tensor.is_cpu.__get__):
            return on_gpu(args[0]) == (function == Tensor.is_cuda.__get__)
        if function in (Tensor.to, Tensor.cpu):
            return self._to(*args, **kwargs) if function is Tensor.to else self._to(*args, "cpu")
        if function is Tensor.pin_memory and args[0].untyped_storage() in _pinned:
            return args[0]
        if function is Tensor.pin_memory or kwargs.pop("pin_memory", False):
            pinned = args[0].clone() if function is Tensor.pin_memory else function(*args, **kwargs)
            _pinned[pinned.untyped_storage()] = None
            return pinned
        if function in (Tensor.tolist, Tensor.numpy) and on_gpu(args[0]):
            self._gpu.note("waits", function)
            return function(*args, **kwargs)
        if _is_gpu(kwargs.get("device")) and function is not torch._C._nn._parse_to:
            return self._made(function, args, kwargs)
        return function(*args, **kwargs)

    def _made(self, function: Callable[..., Tensor], args: Any, kwargs: dict[str, Any]) -> Tensor:
        self._gpu.making = True
        made = function(*args, **(kwargs | {"device": "cpu"}))
        self._gpu.making = False
        if function in (torch.tensor, torch.as_tensor):
            self._gpu.note("uploaded", function)
        return made

    def _to(self, tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if args and isinstance(args[0], Tensor):
            args = (GPU if on_gpu(args[0]) else torch.device("cpu"), args[0].dtype, *args[1:])
        copy = kwargs.pop("copy", False)
        device, dtype, non_blocking, memory_format = torch._C._nn._parse_to(*args, **kwargs)
        options = {} if memory_format is None else {"memory_format": memory_format}
        here = tensor.untyped_storage()
        there = on_gpu(tensor) if device is None else _is_gpu(device)
        if there == on_gpu(tensor):
            return tensor.to(dtype or tensor.dtype, copy=copy, **options)
        if there and (self._gpu.capturing or not (non_blocking and here in _pinned)):
            self._gpu.note("uploaded", tuple(tensor.shape))
        if not there:
            self._gpu.note("fetched", (tuple(tensor.shape), "queued" if non_blocking else "waited for"))
        moved = tensor.to(dtype or tensor.dtype, copy=True, **options)
        if there:
            _there[moved.untyped_storage()] = None
        else:
            _there.pop(moved.untyped_storage(), None)
        return moved


def _is_gpu(device: Any) -> bool:
    return device is not None and torch.device(device).type == "cuda"


def _line() -> str:
    for frame, number in traceback.walk_stack(None):
        if frame.f_code.co_filename.startswith(_PACKAGE):
            return f"{frame.f_code.co_filename.removeprefix(_PACKAGE)}:{number}"
    return ""
