"""Arguments of a function, parted into tensors and everything else."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import fields, is_dataclass, replace
from typing import Any

from torch import Tensor


def fixed(value: Any, tensors: list[Tensor]) -> Hashable:
    """All of a value but the numbers in its tensors, which are added to the list. Equal for values that a function
    cannot tell apart but by those numbers; hashable if all that is in the value is.

    Looks into lists, tuples and frozen dataclasses. Anything else stands for itself.
    """
    if isinstance(value, Tensor):
        tensors.append(value)
        return Tensor, value.shape, value.stride(), value.dtype, value.device
    if _frozen(value):
        return type(value), *(fixed(getattr(value, field.name), tensors) for field in fields(value))
    if type(value) in (list, tuple):
        return type(value), *(fixed(one, tensors) for one in value)
    return type(value), value  # 1 and True are equal otherwise


def with_tensors(value: Any, made: Callable[[Tensor], Tensor]) -> Any:
    """The value with what is `made` of each tensor in its place, in the order of `fixed`."""
    if isinstance(value, Tensor):
        return made(value)
    if _frozen(value):
        return replace(value, **{field.name: with_tensors(getattr(value, field.name), made) for field in fields(value)})
    if type(value) in (list, tuple):
        return type(value)(with_tensors(one, made) for one in value)
    return value


def _frozen(value: Any) -> bool:
    return is_dataclass(value) and not isinstance(value, type) and bool(value.__dataclass_params__.frozen)  # type: ignore[attr-defined]
