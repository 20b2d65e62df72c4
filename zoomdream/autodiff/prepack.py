"""Weights in the order that the processor's convolutions want them in, made once instead of at each call.

PyTorch hands a convolution's weights to oneDNN as they lie, which puts them in order each time: of DreamNet's
convolutions at 480x270 in bfloat16 that is 7 to 10 % of the time forwards, and 11 to 16 % of the backward pass, which
is a convolution too (one thread and two); of smaller pictures' more.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

_KEPT = 12  # both passes for six sizes of pictures: more, as edges of tiles have, are not worth the memory


class PackedWeight:
    """A weight as it is packed for pictures of each size, when it is first asked for; anew when it has changed.

    Of many sizes the last ones asked for are kept. All are packed: what a picture gives must not depend on which ones
    came before, or a resumed render would end with other frames.

    A copy of it, and what a file keeps of it, is empty: how weights lie is no matter of the network.
    """

    def __init__(self) -> None:
        self._packed: dict[tuple[object, ...], Tensor] = {}
        self._of: tuple[object, ...] = ()
        self._weight: Tensor | None = None

    def get(
        self,
        weight: Tensor,
        size: torch.Size,
        padding: tuple[int, int],
        stride: int = 1,
        made: Callable[[Tensor], Tensor] | None = None,
        name: str = "",
    ) -> Tensor:
        """The weight (outputs, inputs, rows, columns), or what is `made` of it under a `name`, for a convolution of
        pictures of `size`.
        """
        version = 0 if weight.is_inference() else weight._version
        of = (weight.data_ptr(), version, weight.dtype)
        if of != self._of:
            # It is held, so that no other can lie where it lay and be taken for it.
            self._packed, self._of, self._weight = {}, of, weight.detach()
        kept, key = self._packed, (name, size, padding, stride)
        packed = kept.pop(key, None)
        if packed is None:
            plain = (weight if made is None else made(weight)).contiguous(memory_format=torch.channels_last)
            # Without the size it may choose an order for which the convolution takes twenty times as long.
            packed = torch.ops.mkldnn._reorder_convolution_weight(plain, padding, (stride, stride), (1, 1), 1, size)
            for oldest in [*kept][: len(kept) + 1 - _KEPT]:
                kept.pop(oldest, None)
        kept[key] = packed
        return packed

    def __reduce__(self) -> tuple[Any, tuple[()]]:
        return PackedWeight, ()


def can_pack(x: Tensor, weight: Tensor) -> bool:
    """Whether `convolve_packed` takes them, here and now."""
    return x.is_cpu and weight.is_cpu and x.dtype == weight.dtype and _packs(x.dtype)


@cache
def _packs(dtype: torch.dtype) -> bool:
    """Whether this PyTorch on this processor has packed weights of a type."""
    available = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if not (available and hasattr(torch.ops.mkldnn, "_convolution_pointwise")):
        return False
    return dtype == torch.float32 or (dtype == torch.bfloat16 and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()))


def convolve_packed(
    x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int], stride: int = 1, rectified: bool = False
) -> Tensor:
    """The convolution with a packed weight, and a ReLU where `rectified`."""
    y: Tensor = torch.ops.mkldnn._convolution_pointwise.default(
        x, weight, bias, padding, (stride, stride), (1, 1), 1, "relu" if rectified else "none", (), ""
    )
    return y
