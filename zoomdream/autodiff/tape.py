"""A pass through a network that remembers the way back: autograd for the few operations that networks here consist of.

Autograd itself sees a single step, from the picture to the wanted activations. What it would keep and do for weights,
which no gradient is wanted of, is neither kept nor done, and each operation's way back is our own; see `written`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from zoomdream.autodiff.operations import Written

_Back = Callable[..., tuple[Tensor | None, ...]]


class _Gradient:
    """Adds up what comes back to one activation."""

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

    def taken(self) -> Tensor | None:
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
        self._steps: list[tuple[tuple[_Gradient, ...], tuple[_Gradient, ...], _Back]] = []

    def do(self, operation: Callable[..., Written], *values: Value, **options: Any) -> Value:
        """What `operation` gives of the values."""
        tensor, backward = operation(*(value.tensor for value in values), **options)
        result = Value(tensor)
        if self._recording:
            self._steps.append(((result.gradient,), tuple(value.gradient for value in values), backward))
        return result

    def follow(self, function: Callable[..., Iterable[Any]], *values: Value) -> list[Any]:
        """What `function` gives of the values, as autograd goes back through it: Values, but what does not come from
        the values is given as it is.
        """
        if not self._recording:
            found = function(*(value.tensor for value in values))
            return [Value(one) if isinstance(one, Tensor) else one for one in found]
        leaves = [value.tensor.detach().requires_grad_() for value in values]
        with torch.enable_grad():
            found = list(function(*leaves))
        ends = [one for one in found if isinstance(one, Tensor) and one.requires_grad]
        given = [Value(one.detach()) if isinstance(one, Tensor) and one.requires_grad else one for one in found]

        def back(*gradients: Tensor | None) -> tuple[Tensor | None, ...]:
            reached = [(end, gradient) for end, gradient in zip(ends, gradients, strict=True) if gradient is not None]
            of, above = zip(*reached, strict=True)
            return torch.autograd.grad(of, leaves, above, allow_unused=True)

        results = tuple(one.gradient for one in given if isinstance(one, Value))
        self._steps.append((results, tuple(value.gradient for value in values), back))
        return given

    def back(self) -> None:
        """Hands the gradients from the last results to what they were made of; each operation is forgotten then."""
        while self._steps:
            results, parts, backward = self._steps.pop()
            if any(result.total is not None for result in results):
                # Handed over, so that an operation may let go of what came back to it before it is through.
                for part, gradient in zip(parts, backward(*(result.taken() for result in results)), strict=True):
                    if gradient is not None:
                        part.add(gradient)


Run = Callable[[Tape, Value], Mapping[str, Value]]
"""A pass: the picture in, the wanted activations out."""


def run(image: Tensor, through: Run) -> dict[str, Tensor]:
    """The activations that the pass `through` a network finds in an image, differentiable once if the image is."""
    if not (image.requires_grad and torch.is_grad_enabled()):
        return {name: value.tensor for name, value in through(Tape(recording=False), Value(image)).items()}
    names: list[str] = []
    tensors = _Pass.apply(image, through, names)
    return dict(zip(names, tensors, strict=True))


class _Pass(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor, through: Run, names: list[str]) -> tuple[Tensor, ...]:
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
        ctx.tape.back()
        return ctx.image.gradient.total, None, None
