"""How many convolutions a network computes, and what they multiply, whichever function of PyTorch does it."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_PACKED = getattr(torch.ops.mkldnn, "_convolution_pointwise", None) and torch.ops.mkldnn._convolution_pointwise.default


class Convolutions(TorchFunctionMode):
    """Counts those within it."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: int = 0
        self.multiplications: int = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in (functional.conv2d, _PACKED):
            self.calls += 1
            self.multiplications += result.shape[2] * result.shape[3] * args[1].numel()
        return result
