"""What can be wished for: channels by rank, neurons, classes, guides."""

from __future__ import annotations

import pytest
import torch

from zoomdream.dream.objective import weighted_sum
from zoomdream.dream.power_mean import half_squares
from zoomdream.dream.terms import ClassTerm, GuideTerm, LayerTerm, Pick, energy, picked
from zoomdream.randomness import generator


def gradient(term: LayerTerm | ClassTerm | GuideTerm, activation: torch.Tensor) -> torch.Tensor:
    leaf = activation.clone().requires_grad_()
    weighted_sum({term.layer: leaf}, [term]).backward()
    assert leaf.grad is not None
    return leaf.grad


def noise(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.rand(shape, generator=generator(seed))


@pytest.mark.parametrize(
    ("pick", "wanted"),
    [
        (Pick("strongest", 2), {3, 5}),
        (Pick("weakest", 2), {1, 4}),
        (Pick("average", 1), {0}),
        (Pick("strongest", 9), {0, 1, 2, 3, 4, 5}),
    ],
)
def test_channels_are_picked_by_how_active_they_are_the_silent_one_last(pick: Pick, wanted: set[int]) -> None:
    energies = torch.tensor((2.4, 0.5, 0.0, 4.0, 1.0, 4.2))
    assert set(picked(energies, pick).tolist()) == wanted


def test_only_picked_channels_climb_and_only_among_the_named_ones() -> None:
    activation = torch.tensor((5.0, 1.0, 3.0, 2.0)).view(1, 4, 1, 1)
    assert gradient(LayerTerm("x", pick=Pick("strongest", 1)), activation).flatten().nonzero().flatten().tolist() == [0]
    among = LayerTerm("x", channels=(1, 3), pick=Pick("strongest", 1))
    assert gradient(among, activation).flatten().nonzero().flatten().tolist() == [3]


def test_the_strongest_of_channels_that_are_all_silent_is_no_error() -> None:
    assert torch.isfinite(energy(torch.zeros(1, 4, 2, 2), LayerTerm("x", pick=Pick("average", 2))))


@pytest.mark.parametrize(("at", "place"), [((0.0, 0.0), (0, 0)), ((1.0, 1.0), (3, 5)), ((0.5, 0.3), (1, 3))])
def test_a_neuron_climbs_at_its_place_alone(at: tuple[float, float], place: tuple[int, int]) -> None:
    climbs = gradient(LayerTerm("x", channels=(2,), at=at), noise(1, 3, 4, 6) + 0.1)
    assert climbs.nonzero().tolist() == [[0, 2, *place]]


def test_a_class_that_has_won_climbs_by_its_own_logit_and_pushes_no_other_down() -> None:
    climbs = gradient(ClassTerm("logits", (2,)), torch.tensor([[1.0, -3.0, 25.0, 0.0]]))
    assert climbs[0, 2] > 0
    assert float(climbs.abs().sum()) == pytest.approx(float(climbs[0, 2]), rel=1e-3)


def test_the_class_that_is_seen_instead_is_pushed_down_less_than_the_wanted_one_up() -> None:
    climbs = gradient(ClassTerm("logits", (0,)), torch.tensor([[20.0, 22.0, 3.0]]))[0]
    assert climbs[1] < 0 < climbs[0]
    assert float(climbs[0]) > -2 * float(climbs[1])
    assert abs(float(climbs[2])) < 1e-3 * float(climbs[0])


def test_classes_of_one_term_are_no_rivals() -> None:
    climbs = gradient(ClassTerm("logits", (0, 1)), torch.tensor([[20.0, 22.0, 3.0]]))[0]
    assert climbs[0] > 0
    assert climbs[1] > 0


def test_of_several_classes_the_one_that_is_seen_less_gains_more() -> None:
    climbs = gradient(ClassTerm("logits", (0, 1)), torch.tensor([[30.0, 3.0, 9.0]]))
    assert climbs[0, 1] > 5 * climbs[0, 0] > 0


def test_a_class_of_a_map_of_logits_climbs_everywhere() -> None:
    climbs = gradient(ClassTerm("logits", (1,)), noise(1, 3, 2, 2))
    assert bool((climbs[0, 1] > 0).all())


def test_a_weight_means_about_the_same_for_a_class_as_for_a_layer() -> None:
    logits, layer = torch.tensor([[20.0, 1.0]], requires_grad=True), torch.rand(1, 4, 3, 3, requires_grad=True)
    weighted_sum({"logits": logits, "x": layer}, [ClassTerm("logits", (0,)), LayerTerm("x")]).backward()
    assert logits.grad is not None
    assert layer.grad is not None
    gains = [float((part.grad * part).sum().detach()) for part in (logits, layer)]  # from one per cent more of each
    assert 0.4 < gains[0] / gains[1] < 2.5


def test_each_place_takes_after_the_place_of_the_guide_that_fits_it_best() -> None:
    guide = torch.tensor(((4.0, 0.0), (0.0, 2.0)))  # channels by places: one is all of the first, one of the second
    activation = torch.tensor(((3.0, 0.1), (1.0, 1.0))).view(1, 2, 1, 2)
    climbs = gradient(GuideTerm("x", positions=guide), activation)[0, :, 0]
    assert (climbs[:, 0] / climbs[:, 0].norm()).tolist() == pytest.approx([1, 0])
    assert (climbs[:, 1] / climbs[:, 1].norm()).tolist() == pytest.approx([0, 1])


def test_a_guide_of_channels_asks_everywhere_for_what_is_active_in_it() -> None:
    climbs = gradient(GuideTerm("x", channels=torch.tensor((0.0, 3.0, 1.0))), noise(1, 3, 4, 4))
    assert float(climbs[0, 0].abs().sum()) == 0
    assert torch.allclose(climbs[0, 1], 3 * climbs[0, 2])


def test_a_picture_that_is_like_its_guide_is_worth_more_than_another() -> None:
    shares = torch.tensor((0.1, 1.0, 0.1, 3.0, 0.2))
    guide = noise(5, 12) * shares[:, None]
    same, other = guide.view(1, 5, 3, 4), noise(1, 5, 3, 4, seed=2) * shares.flip(0).view(1, 5, 1, 1)
    same, other = same / same.norm(), other / other.norm()
    for term in (GuideTerm("x", positions=guide / guide.norm(dim=0)), GuideTerm("x", channels=guide.mean(1))):
        assert weighted_sum({"x": same}, [term]) > weighted_sum({"x": other}, [term])


def test_a_guide_before_a_relu_may_be_the_opposite_and_still_has_a_gradient() -> None:
    climbs = gradient(GuideTerm("x", channels=torch.tensor((1.0, 1.0))), torch.full((1, 2, 2, 2), -3.0))
    assert bool((climbs > 0).all())


def test_a_negative_weight_turns_a_class_away() -> None:
    assert float(gradient(ClassTerm("logits", (0,), -2.0), torch.tensor([[4.0, 1.0]]))[0, 0]) < 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_half_the_squares_of_a_channel_and_their_gradient_are_those_of_autograd(dtype: torch.dtype) -> None:
    activation = torch.randn(1, 5, 6, 7, generator=torch.Generator().manual_seed(1)).to(dtype)
    factors = torch.tensor([0.1, 1, -2, 0, 3])
    gradients = []
    for squares in (half_squares, lambda x: 0.5 * x.float().square().sum(dim=(0, 2, 3))):
        leaf = activation.clone().requires_grad_()
        found = squares(leaf)
        assert found.dtype == torch.float32
        gradients.append(torch.autograd.grad((found * factors).sum(), leaf)[0])
        torch.testing.assert_close(found, 0.5 * activation.float().square().sum(dim=(0, 2, 3)))
    torch.testing.assert_close(gradients[0], gradients[1], rtol=0.01 if dtype == torch.bfloat16 else 1e-3, atol=1e-6)
    assert gradients[0].dtype == dtype


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("diversity", [0.0, 0.8, 1.0])
@pytest.mark.parametrize("emphasized", [False, True])
def test_the_usual_term_is_worth_in_one_operation_what_it_is_in_two(
    dtype: torch.dtype, diversity: float, emphasized: bool
) -> None:
    loudness = torch.tensor([1.0, 0.1, 10, 0, 0.5]).view(1, 5, 1, 1)  # one channel is silent
    activation = (loudness * torch.randn(1, 5, 6, 7, generator=torch.Generator().manual_seed(1)).abs()).to(dtype)
    emphasis = torch.tensor([2.0, 1, 0.5, 1, 0]) if emphasized else None
    term = LayerTerm("x", diversity=diversity, emphasis=emphasis)
    climbs, values = [], []
    for value in (term.value, lambda x: term.value_of(term.means(x))):
        leaf = activation.clone().requires_grad_()
        values.append(value(leaf))
        climbs.append(torch.autograd.grad(3 * values[-1], leaf)[0])
    torch.testing.assert_close(values[0], values[1])
    torch.testing.assert_close(climbs[0], climbs[1], rtol=0.01 if dtype == torch.bfloat16 else 2e-3, atol=1e-6)


def test_nothing_to_see_gives_no_gradient_and_no_surprises() -> None:
    for emphasis in (None, torch.zeros(3)):
        leaf = torch.zeros(1, 3, 4, 4, requires_grad=True)
        value = LayerTerm("x", diversity=0.8, emphasis=emphasis).value(leaf)
        assert bool(torch.isfinite(value))
        assert torch.autograd.grad(value, leaf)[0].count_nonzero() == 0
