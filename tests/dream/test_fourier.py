"""Climbing in frequencies, and in their phases alone."""

from __future__ import annotations

import pytest
import torch

from zoomdream.dream.ascent import View
from zoomdream.dream.fourier import ascend_frequencies, fourier_basis
from zoomdream.dream.octaves import Recipe, dream
from zoomdream.randomness import generator, natural_noise

CPU = torch.device("cpu")


def photo_like(height: int = 24, width: int = 31, seed: int = 1) -> torch.Tensor:
    return 0.5 + 0.1 * natural_noise((height, width), generator(seed))


def likeness(picture: torch.Tensor) -> torch.Tensor:
    """How much it is like another picture of many frequencies."""
    other = 0.1 * natural_noise((picture.shape[-2], picture.shape[-1]), generator(9))
    return (picture * other).mean()


@pytest.mark.parametrize("width", [30, 31])
def test_a_picture_is_the_sum_of_its_frequencies(width: int) -> None:
    picture = photo_like(width=width)
    known = fourier_basis(24, width, CPU)
    assert torch.allclose(known.picture(known.coefficients(picture), width), picture, atol=1e-5)


def test_the_gradient_in_the_coefficients_is_the_transpose_of_making_the_picture() -> None:
    known = fourier_basis(8, 9, CPU)
    parts = known.coefficients(photo_like(8, 9))
    direction = known.coefficients(photo_like(8, 9, seed=2))
    gradient = torch.randn(1, 3, 8, 9, generator=generator(3))
    change = float((known.picture(parts + direction, 9) - known.picture(parts, 9)).mul(gradient).sum())
    found = known.gradient(gradient)
    twice = torch.full((5,), 2.0)  # each column but the first stands for its mirror image too
    twice[0] = 1
    assert float(((found.conj() * direction).real * twice).sum()) == pytest.approx(change, rel=1e-3)


def test_of_photographs_all_coefficients_are_about_equally_large() -> None:
    parts = fourier_basis(64, 64, CPU).coefficients(photo_like(64, 64)).abs()
    coarse, fine = parts[:, 1:4, 1:4].mean(), parts[:, 24:32, 24:32].mean()
    assert 0.5 < float(coarse / fine) < 2


@pytest.mark.parametrize("phases_only", [False, True])
def test_climbing_changes_the_picture_by_the_step_size_and_raises_the_objective(phases_only: bool) -> None:
    start = photo_like()
    end = start
    heights = [float(likeness(start))]
    for _ in range(4):
        before = end
        end = ascend_frequencies(
            end, likeness, steps=1, step_size=0.004, views=lambda _: View((3, 2)), phases_only=phases_only
        )
        heights.append(float(likeness(end)))
        assert float((end - before).abs().mean()) == pytest.approx(0.004, rel=0.1 if phases_only else 1e-3)
    assert heights == sorted(heights)


def test_with_phases_only_the_amplitudes_and_the_mean_stay() -> None:
    start = photo_like(24, 30)
    end = ascend_frequencies(start, likeness, steps=6, step_size=0.01, views=lambda _: View(), phases_only=True)
    known = fourier_basis(24, 30, CPU)
    before, after = known.coefficients(start).abs(), known.coefficients(end).abs()
    inner = (slice(None), slice(1, 12), slice(1, 15))  # those that are their own mirror image cannot turn
    assert torch.allclose(before[inner], after[inner], rtol=0.02, atol=1e-3)
    assert torch.allclose(start.mean((2, 3)), end.mean((2, 3)), atol=1e-4)
    assert not torch.allclose(start, end, atol=0.01)


@pytest.mark.parametrize("parameters", ["fourier", "phase"])
def test_a_dream_may_climb_in_frequencies_over_octaves(parameters: str) -> None:
    start = photo_like(40, 48)
    recipe = Recipe(octaves=2, steps=3, jitter=4, parameters=parameters, step_size=0.01)
    end = dream(start, likeness, recipe, seed=1, frame=0)
    assert likeness(end) > likeness(start)
    assert torch.equal(end, dream(start, likeness, recipe, seed=1, frame=0))


@pytest.mark.parametrize(
    "change", [{"turn": 20.0}, {"stretch": 0.3}, {"blur": 1.0}, {"smooth": 0.5}, {"decay": 0.1}, {"natural": True}]
)
def test_each_prior_changes_the_dream_and_depends_on_the_seed_alone(change: dict[str, float]) -> None:
    start = photo_like(40, 48)

    def dreamt(seed: int, **settings: float) -> torch.Tensor:
        recipe = Recipe(octaves=2, steps=2, jitter=4, step_size=0.01, **settings)
        return dream(start, lambda picture: picture.diff(dim=3).square().mean(), recipe, seed=seed, frame=3)

    changed = dreamt(1, **change)
    assert not torch.allclose(changed, dreamt(1), atol=1e-4)
    assert torch.equal(changed, dreamt(1, **change))
    assert not torch.equal(changed, dreamt(2, **change))


def test_each_step_sees_another_view() -> None:
    seen: list[torch.Tensor] = []

    def climbed(picture: torch.Tensor) -> torch.Tensor:
        seen.append(picture.detach())
        return picture.mean()

    dream(photo_like(), climbed, Recipe(octaves=1, steps=3, jitter=0, turn=20.0, step_size=1e-6), seed=1, frame=0)
    distances = [float((one - other).abs().mean()) for one, other in ((seen[0], seen[1]), (seen[1], seen[2]))]
    assert min(distances) > 0.01
