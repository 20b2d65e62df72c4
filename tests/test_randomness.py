"""Randomness as pure functions: nothing repeats that should not, and noise has the statistics that it should have."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from zoomdream.color.pyramid import detail, resize
from zoomdream.randomness import (
    frame_scale,
    generator,
    jitter_offset,
    natural_noise,
    noise_at_scale,
    wandering,
    white_noise,
)

Noise = Callable[[tuple[int, int], torch.Generator], torch.Tensor]


def first_draws(*places: tuple[int | str, ...]) -> torch.Tensor:
    return torch.tensor([float(torch.rand((), generator=generator(*place))) for place in places])  # type: ignore[arg-type]


def test_the_same_seed_and_place_give_the_same_noise_and_any_other_gives_another() -> None:
    same = (7, "fresh", 3, 1)
    assert torch.equal(white_noise((4, 5), generator(*same)), white_noise((4, 5), generator(*same)))
    others = [same, (8, *same[1:]), (7, "border", 3, 1), (7, "fresh", 4, 1), (7, "fresh", 3, 2), (7, "fresh", 31)]
    assert len(set(first_draws(*others).tolist())) == len(others)


@pytest.mark.parametrize("place", [lambda n: (n, "fresh"), lambda n: (7, "fresh", n)], ids=["seeds", "frames"])
def test_neighbouring_seeds_and_frames_have_nothing_in_common(place) -> None:
    draws = first_draws(*(place(number) for number in range(1000)))
    assert abs(float(torch.corrcoef(torch.stack((draws[:-1], draws[1:])))[0, 1])) < 0.1


def test_jitter_goes_as_far_to_every_side() -> None:
    offsets = torch.tensor([jitter_offset(3, generator(1, number)) for number in range(400)])
    assert {tuple(offsets[:, axis].unique().tolist()) for axis in (0, 1)} == {(-3, -2, -1, 0, 1, 2, 3)}
    assert float(offsets.float().mean(dim=0).abs().max()) < 0.4


def test_natural_noise_has_half_the_amplitude_at_twice_the_frequency() -> None:
    noise = natural_noise((256, 256), generator(1))
    spectrum = torch.fft.fft2(noise).abs()[0].mean(dim=0)
    frequency = torch.hypot(*torch.meshgrid(torch.fft.fftfreq(256), torch.fft.fftfreq(256), indexing="ij"))
    coarse, fine = (spectrum[(frequency > f) & (frequency < 1.2 * f)].mean() for f in (0.04, 0.16))
    assert float(coarse / fine) == pytest.approx(4, rel=0.1)
    assert float(noise.std()) == pytest.approx(1)
    assert float(noise.mean()) == pytest.approx(0, abs=1e-5)


def test_natural_noise_is_lighter_and_darker_rather_than_coloured_and_most_often_red_or_cyan() -> None:
    red, green, blue = natural_noise((128, 128), generator(2))[0]
    light, warm, green_or_magenta = ((red + green + blue) / 3, (red - blue) / 2, (red - 2 * green + blue) / 4)
    assert float(light.std()) > 2 * float(warm.std()) > 4 * float(green_or_magenta.std()) > 0


@pytest.mark.parametrize("noise", [white_noise, natural_noise], ids=["white", "natural"])
def test_noise_of_larger_and_smaller_frames_is_the_same_with_more_and_less_detail(noise: Noise) -> None:
    def drawn(height: int, width: int) -> torch.Tensor:
        return noise_at_scale(noise, (height, width), height / 90, generator(1))

    def shrunk(picture: torch.Tensor) -> torch.Tensor:
        return resize(picture, (45, 80))

    base = drawn(90, 160)
    assert torch.equal(base, noise((90, 160), generator(1)))
    for size in ((45, 80), (91, 162), (135, 240), (180, 320), (400, 711)):
        other = drawn(*size)
        assert tuple(other.shape[-2:]) == size
        both = torch.stack((shrunk(other).flatten(), shrunk(base).flatten()))
        assert float(torch.corrcoef(both)[0, 1]) > 0.99, size
        assert float(shrunk(other).std()) == pytest.approx(float(shrunk(base).std()), rel=0.05)
        if min(size) >= 135:
            assert float(detail(other).std()) == pytest.approx(float(detail(base).std()), rel=0.25)


def test_noise_of_a_frame_that_is_much_longer_than_high_is_drawn_all_the_same() -> None:
    size = (16, 16384)
    assert tuple(noise_at_scale(white_noise, size, frame_scale(size), generator(1)).shape[-2:]) == size


def test_what_wanders_has_deviation_1_and_goes_elsewhere_within_a_few_units_of_time() -> None:
    def at(time: float) -> torch.Tensor:
        return wandering(4000, time, generator(3))

    start = at(0.0)
    assert float(start.std()) == pytest.approx(1, rel=0.05)
    alike = [float(torch.corrcoef(torch.stack((start, at(time))))[0, 1]) for time in (0.02, 0.25, 1.5)]
    assert alike[0] > 0.99
    assert 0.65 < alike[1] < 0.9
    assert alike[2] < 0.3


def test_no_two_that_wander_keep_step_for_good() -> None:
    walks = torch.stack([wandering(12, 0.7 * step, generator(4)) for step in range(1500)], dim=1)
    alike = torch.corrcoef(walks).fill_diagonal_(0)
    assert float(alike.abs().max()) < 0.2


def test_what_wanders_in_a_loop_is_back_after_its_period() -> None:
    for period in (0.4, 3.0):
        start, end = (wandering(400, time, generator(3), period) for time in (0.3, 0.3 + period))
        assert torch.allclose(start, end, atol=1e-4)
    apart = wandering(400, 0.0, generator(3), 3.0) - wandering(400, 1.5, generator(3), 3.0)
    assert float(apart.std()) > 0.5
