"""What keeps a picture a picture: views, blur, total variation, decay, natural hues."""

from __future__ import annotations

import pytest
import torch

from zoomdream.dream.regularizers import (
    gaussian_blur,
    l2_decay,
    natural_hues,
    random_transform,
    total_variation_gradient,
    transform,
)
from zoomdream.randomness import generator


def noise(height: int = 24, width: int = 32, seed: int = 1) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=generator(seed))


def spot(height: int, width: int, y: int, x: int) -> torch.Tensor:
    picture = torch.zeros(1, 1, height, width)
    picture[..., y, x] = 1
    return picture


def brightest(picture: torch.Tensor) -> tuple[int, int]:
    place = int(picture[0, 0].argmax())
    return place // picture.shape[-1], place % picture.shape[-1]


def test_a_quarter_turn_is_counter_clockwise_in_a_picture_that_is_not_square() -> None:
    turned = transform(gaussian_blur(spot(21, 41, 10, 15), 1), 90, 1)  # left of the middle by 5
    assert brightest(turned) == (15, 20)


def test_a_view_that_is_larger_moves_things_away_from_the_middle() -> None:
    assert brightest(transform(gaussian_blur(spot(21, 41, 10, 25), 1), 0, 2)) == (10, 30)


def test_a_view_that_is_none_is_the_picture_itself() -> None:
    picture = noise()
    assert transform(picture, 0, 1) is picture
    assert torch.allclose(transform(picture, 0, 1.0000001), picture, atol=1e-3)


def test_what_a_view_shows_has_a_gradient() -> None:
    picture = noise().requires_grad_()
    transform(picture, 7, 1.1).sum().backward()
    assert picture.grad is not None
    assert float(picture.grad.abs().mean()) > 0.1


def test_random_views_stay_within_their_reach_and_fill_it() -> None:
    views = [random_transform(10, 0.2, generator(seed)) for seed in range(200)]
    degrees, scales = zip(*views, strict=True)
    assert -10 <= min(degrees) < -8 < 8 < max(degrees) <= 10
    assert 0.8 <= min(scales) < 0.84 < 1.16 < max(scales) <= 1.2


@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.5])
def test_a_blur_spreads_a_spot_as_far_as_it_says_and_keeps_its_light(sigma: float) -> None:
    blurred = gaussian_blur(spot(41, 41, 20, 20), sigma)[0, 0]
    assert float(blurred.sum()) == pytest.approx(1, rel=1e-4)
    offsets = torch.arange(41.0) - 20
    spread = float((blurred.sum(0) * offsets.square()).sum().sqrt())
    assert spread == pytest.approx(sigma, abs=0.25 if sigma < 0.5 else 0.05)


def test_a_blur_leaves_a_plain_picture_plain_up_to_its_edges() -> None:
    assert torch.allclose(gaussian_blur(torch.full((1, 3, 9, 12), 0.3), 2), torch.full((1, 3, 9, 12), 0.3), atol=1e-6)


def test_roughness_is_the_gradient_of_total_variation() -> None:
    picture = noise(7, 9).double().requires_grad_()
    right = torch.nn.functional.pad(picture.diff(dim=3), (0, 1))
    down = torch.nn.functional.pad(picture.diff(dim=2), (0, 0, 0, 1))
    (right.square() + down.square()).sum(1).add(0.02**2).sqrt().sum().backward()
    assert picture.grad is not None
    assert torch.allclose(total_variation_gradient(picture.detach()), picture.grad, atol=1e-6)


def test_going_against_roughness_flattens_noise_more_than_an_edge() -> None:
    edge = torch.zeros(1, 3, 16, 16)
    edge[..., 8:] = 0.5
    noisy = edge + 0.1 * noise(16, 16)
    calm = noisy
    for _ in range(60):
        calm = calm - 0.003 * total_variation_gradient(calm)
    assert calm[..., :7].std() < 0.5 * noisy[..., :7].std()
    assert float(calm[..., 10:].mean() - calm[..., :6].mean()) > 0.35


def test_what_fades_goes_to_grey_by_its_share() -> None:
    assert torch.allclose(l2_decay(torch.ones(1, 3, 2, 2), 0.2), torch.full((1, 3, 2, 2), 0.9))
    picture = noise()
    assert l2_decay(picture, 0) is picture


def test_natural_hues_favour_grey_over_green_to_magenta() -> None:
    grey = torch.ones(1, 3, 2, 2)
    magenta = torch.tensor((1.0, -2.0, 1.0)).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    assert natural_hues(grey).norm() / grey.norm() > 4 * natural_hues(magenta).norm() / magenta.norm()
