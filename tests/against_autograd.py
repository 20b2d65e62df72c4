"""What operations and networks are held against: the plain function, and autograd's gradient of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Answer = tuple[dict[str, Tensor], Tensor]


def noise(*shape: int, seed: int = 1) -> Tensor:
    """float64, normally distributed."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def assert_same(ours: Callable[[Tensor], Any], plain: Callable[[Tensor], Tensor], x: Tensor) -> None:
    """An operation gives the same result, and the same gradient of it."""
    leaf = x.clone().requires_grad_()
    expected = plain(leaf)
    (wanted,) = torch.autograd.grad(expected, leaf, gradient := noise(*expected.shape, seed=9).to(x.dtype))
    found, vjp = ours(x.clone().contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(found, expected.detach())
    rounding = {"rtol": 0.02, "atol": 0.02} if x.dtype == torch.bfloat16 else {}  # which adds up in another order
    torch.testing.assert_close(vjp(gradient.contiguous(memory_format=torch.channels_last))[0], wanted, **rounding)


def answer(image: Tensor, activations: Callable[[Tensor], dict[str, Tensor]]) -> Answer:
    """The activations, and the gradient of all of them together, each weighed by random numbers."""
    leaf = image.clone().requires_grad_()
    found = activations(leaf)
    random = torch.Generator().manual_seed(3)
    total = torch.zeros((), dtype=torch.float64)
    for _, one in sorted(found.items()):
        total = total + (one.double() * torch.randn(one.shape, generator=random).double()).sum() / one.numel() ** 0.5
    (gradient,) = torch.autograd.grad(total, leaf)
    return {name: one.detach().double() for name, one in found.items()}, gradient.double()


def errors(found: Answer, truth: Answer) -> dict[str, float]:
    """Relative to the norm of the truth."""
    pairs = {name: (found[0][name], one) for name, one in truth[0].items()} | {"gradient": (found[1], truth[1])}
    return {name: float((one - true).norm() / true.norm()) for name, (one, true) in pairs.items()}
