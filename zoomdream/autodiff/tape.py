"""A tape: it records a pass through a network and then runs the backward pass, instead of autograd.

Autograd itself sees a single step, from the picture to the wanted activations. What it would keep and do for weights,
which no gradient is wanted of, is neither kept nor done, and operations have vector-Jacobian products of our own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from zoomdream.autodiff.graph import VJP, Operation


class _Gradient:
    """Adds up the gradients that the users of one activation give it."""

    __slots__ = ("own", "total")

    def __init__(self) -> None:
        self.total: Tensor | None = None
        self.own = False

    def add(self, part: Tensor) -> None:
        if self.total is None:
            self.total = part
        elif self.own:
            self.total += part
        else:  # the first may be a view of another's
            self.total, self.own = self.total + part, True

    def take(self) -> Tensor | None:
        """What there is, which is then no longer kept."""
        total, self.total = self.total, None
        return total


class Value:
    """An activation on a tape."""

    __slots__ = ("gradient", "tensor")

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self.gradient = _Gradient()


class Tape:
    """The operations of one pass, in order; none if not `recording`."""

    def __init__(self, recording: bool) -> None:
        self._recording = recording
        self._steps: list[tuple[tuple[_Gradient, ...], tuple[_Gradient, ...], VJP]] = []

    def do(self, operation: Operation, *values: Value) -> Any:
        """What the operation gives of the values: a Value, or a tuple of them."""
        found, vjp = operation(*[value.tensor for value in values])
        results = [Value(one) for one in found] if isinstance(found, tuple) else [Value(found)]
        self._record(results, values, vjp)
        return tuple(results) if isinstance(found, tuple) else results[0]

    def _record(self, results: Iterable[Value], values: Iterable[Value], vjp: VJP) -> None:
        if self._recording:
            gradients = tuple(one.gradient for one in results), tuple(one.gradient for one in values)
            self._steps.append((*gradients, vjp))

    def follow(self, function: Callable[..., Iterable[Any]], *values: Value) -> list[Any]:
        """What a function gives of the values, with autograd's vector-Jacobian product: Values, but what does not come
        from the values is given as it is.
        """
        if not self._recording:
            found = function(*(value.tensor for value in values))
            return [Value(one) if isinstance(one, Tensor) else one for one in found]
        leaves = [value.tensor.detach().requires_grad_() for value in values]
        with torch.enable_grad():
            found = list(function(*leaves))
        ends = [one for one in found if isinstance(one, Tensor) and one.requires_grad]
        given = [Value(one.detach()) if isinstance(one, Tensor) and one.requires_grad else one for one in found]

        def vjp(*gradients: Tensor | None) -> tuple[Tensor | None, ...]:
            reached = [(end, gradient) for end, gradient in zip(ends, gradients, strict=True) if gradient is not None]
            of, above = zip(*reached, strict=True)
            return torch.autograd.grad(of, leaves, above, allow_unused=True)

        self._record([one for one in given if isinstance(one, Value)], values, vjp)
        return given

    def backward(self) -> None:
        """Brings the gradients from the last results to the first inputs; each operation is forgotten on the way."""
        while self._steps:
            results, inputs, vjp = self._steps.pop()
            if any(result.total is not None for result in results):
                # Taken, so that an operation may free the gradients of its results before it is through.
                for one, gradient in zip(inputs, vjp(*[result.take() for result in results]), strict=True):
                    if gradient is not None:
                        one.add(gradient)


Pass = Callable[[Tape, Value], Mapping[str, Value]]
"""The picture in, the wanted activations out."""


def run(image: Tensor, through: Pass) -> dict[str, Tensor]:
    """The activations that the pass `through` a network finds in an image, differentiable once if the image is."""
    if not (image.requires_grad and torch.is_grad_enabled()):
        return {name: value.tensor for name, value in through(Tape(recording=False), Value(image)).items()}
    names: list[str] = []
    tensors = _Pass.apply(image, through, names)
    return dict(zip(names, tensors, strict=True))


class _Pass(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor, through: Pass, names: list[str]) -> tuple[Tensor, ...]:
        ctx.tape, ctx.image = Tape(recording=True), Value(image)
        found = through(ctx.tape, ctx.image)
        names.extend(found)
        ctx.found = [value.gradient for value in found.values()]
        ctx.image.tensor = None
        ctx.set_materialize_grads(False)
        # Aliases, because autograd ties what is returned to this step, and the tape, which is its too, may hold it.
        return tuple(value.tensor.detach() for value in found.values())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, None, None]:
        for found, gradient in zip(ctx.found, gradients, strict=True):
            if gradient is not None:
                grid = gradient.ndim == 4
                found.add(gradient.contiguous(memory_format=torch.channels_last) if grid else gradient)
        ctx.tape.backward()
        return ctx.image.gradient.total, None, None
