"""Numbers that are needed on a picture's device."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from zoomdream.machine.devices import to_device


@lru_cache(maxsize=256)
def constant(numbers: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """(n,), to be read only. Made once: bringing it to a GPU takes longer than what is done with it there."""
    return to_device(torch.tensor(numbers, dtype=dtype), device)
