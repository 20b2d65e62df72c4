"""The tape: it adds up gradients, and keeps nothing that nobody needs."""

from __future__ import annotations

import torch
from torch import Tensor

from tests.against_autograd import noise
from zoomdream.autodiff.graph import VJP
from zoomdream.autodiff.operations.channels import concatenate, split
from zoomdream.autodiff.tape import Tape, Value, run


def double(x: Tensor) -> tuple[Tensor, VJP]:
    return 2 * x, lambda gradient: (2 * gradient,)


def test_gradients_of_all_that_was_made_of_a_value_add_up() -> None:
    def through(tape: Tape, picture: Value) -> dict[str, Value]:
        doubled = tape.do(double, picture)
        joined = tape.do(concatenate, picture, doubled, picture)
        return {"double": doubled, "joined": joined, "unused": tape.do(double, joined)}

    image = noise(1, 2, 3, 4).requires_grad_()
    found = run(image, through)
    (gradient,) = torch.autograd.grad(found["double"].sum() + 3 * found["joined"].sum(), image)
    torch.testing.assert_close(gradient, torch.full_like(image, 2 + 3 * 4))


def test_of_several_results_each_brings_its_gradient_back() -> None:
    def through(tape: Tape, picture: Value) -> dict[str, Value]:
        first, second = tape.do(lambda x: split(x, [1, 2]), picture)
        return {"first": tape.do(double, first), "second": second}

    image = noise(1, 3, 2, 2).requires_grad_()
    found = run(image, through)
    (gradient,) = torch.autograd.grad(found["first"].sum(), image)
    assert gradient.sum(dim=(0, 2, 3)).tolist() == [8, 0, 0]


def test_what_autograd_follows_gives_values_and_whatever_else() -> None:
    def through(tape: Tape, picture: Value) -> dict[str, Value]:
        squared, count = tape.follow(lambda x: (x**2, x.numel()), picture)
        assert count == 24
        return {"squared": squared}

    image = noise(1, 2, 3, 4).requires_grad_()
    (gradient,) = torch.autograd.grad(run(image, through)["squared"].sum(), image)
    torch.testing.assert_close(gradient, 2 * image.detach())


def test_nothing_is_kept_where_no_gradient_is_wanted() -> None:
    tapes: list[Tape] = []

    def through(tape: Tape, picture: Value) -> dict[str, Value]:
        tapes.append(tape)
        return {"same": tape.do(double, picture)}

    image = noise(1, 1, 2, 2)
    assert not run(image, through)["same"].requires_grad
    with torch.no_grad():
        assert not run(image.requires_grad_(), through)["same"].requires_grad
    assert all(not tape._steps for tape in tapes)
