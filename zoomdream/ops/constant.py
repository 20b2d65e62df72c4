"""Numbers that are needed on a picture's device."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor


@lru_cache(maxsize=256)
def constant(numbers: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """(n,), to be read only. Made once, because bringing it to a GPU waits for all that the GPU has still to do."""
    return torch.tensor(numbers, dtype=dtype, device=device)
