"""How the embedded network gets its first weights, on layers that fit in the head."""

from __future__ import annotations

import torch
from dreamnet.inheriting import choose, fit, fit_norm
from dreamnet.learning import gradient_loss
from torch import Tensor, nn

from zoomdream.autodiff.operations.divisive_norm import DivisiveNorm


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_of_channels_that_say_the_same_one_is_chosen() -> None:
    first, second = noise(4, 1, 12, 12), noise(4, 1, 12, 12, seed=2)
    layer = torch.cat([first, first, first, second, 5 * first], dim=1).abs()
    chosen = choose(layer, 2).tolist()
    assert 3 in chosen
    assert chosen == sorted(chosen)


def test_a_channel_that_never_fires_is_chosen_last() -> None:
    layer = noise(4, 3, 12, 12).abs()
    layer[:, 1] = 0
    assert choose(layer, 2).tolist() == [0, 2]


def test_weights_that_give_the_target_after_relu_are_found() -> None:
    inputs, teacher, student = noise(20, 3, 16, 16).abs(), nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 3, padding=1)
    with torch.no_grad():
        target = teacher(inputs)
        fit(student, inputs, target, torch.Generator().manual_seed(1))
        torch.testing.assert_close(student(inputs).relu(), target.relu(), rtol=0.02, atol=0.02)


def test_what_relu_cuts_off_may_be_anything_that_it_cuts_off() -> None:
    """A kinked target: below zero it is far below. A line through all of it would miss the part that is seen."""
    inputs = noise(20, 1, 16, 16)
    target = torch.where(inputs > 0, inputs, 10 * inputs)
    student = nn.Conv2d(1, 1, 1)
    fit(student, inputs, target, torch.Generator().manual_seed(1))
    with torch.no_grad():
        error = (student(inputs).relu() - target.relu()).square().mean()
    plain = torch.linalg.lstsq(inputs.flatten()[:, None], target.flatten()[:, None]).solution.item()
    assert error < 0.5 * (plain * inputs.relu() - target.relu()).square().mean()


def test_the_factors_of_a_divisive_norm_are_found() -> None:
    inputs, wanted, found = noise(20, 3, 16, 16).abs(), DivisiveNorm(3), DivisiveNorm(3)
    with torch.no_grad():
        wanted.weight.copy_(noise(3, 3, 1, 1, seed=3).abs())
        fit_norm(found, inputs, wanted(inputs) / inputs)
        torch.testing.assert_close(found(inputs), wanted(inputs), rtol=0.02, atol=0.02)


def test_two_networks_that_climb_alike_have_no_gradient_loss_and_the_weights_learn_from_it() -> None:
    convolutions = [nn.Conv2d(3, 4, 3, padding=1) for _ in range(2)]
    looks = [lambda picture, _, net=net: {"layer": net(picture).relu()} for net in convolutions]
    pictures = noise(2, 3, 32, 32)
    assert gradient_loss(looks[0], looks[0], pictures, "layer").item() < 1e-5
    apart = gradient_loss(looks[0], looks[1], pictures, "layer")
    apart.backward()
    assert apart.item() > 0.01
    assert convolutions[0].weight.grad is not None
    assert convolutions[0].weight.grad.abs().sum() > 0
