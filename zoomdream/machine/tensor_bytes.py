"""How many bytes the tensors of a computation take at once."""

from __future__ import annotations

import weakref
from collections.abc import Callable, MutableMapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary


def most_bytes(work: Callable[[], object]) -> tuple[int, int]:
    """The most bytes that tensors made within `work` take at once: of floating point numbers, and of all else."""
    with _Counted() as counted:
        work()
    most: tuple[int, int] = counted.most
    return most


class _Counted(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of the tensors that are made within it and live."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._seen: MutableMapping[Any, None] = WeakIdKeyDictionary()
        self._now = {True: 0, False: 0}
        self.most: tuple[int, int] = (0, 0)

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        results = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(results):
            if not isinstance(tensor, Tensor) or tensor.layout is not torch.strided:  # packed weights do not count
                continue
            if (storage := tensor.untyped_storage()) not in self._seen:
                floating, size = tensor.is_floating_point(), storage.nbytes()
                self._seen[storage] = None
                weakref.finalize(storage, self._forget, floating, size)
                self._now[floating] += size
                if sum(self._now.values()) > sum(self.most):
                    self.most = (self._now[True], self._now[False])
        return results

    def _forget(self, floating: bool, size: int) -> None:
        self._now[floating] -= size
