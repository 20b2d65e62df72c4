import math

import pytest
import torch

from zoomdream.color.pyramid import resize
from zoomdream.color.statistics import (
    NATURAL,
    ColorStatistics,
    between,
    color_gains,
    hold,
    luma,
    measure,
    natural_at,
    soft_limit,
)
from zoomdream.randomness import generator, natural_noise, white_noise


def scene(contrast: float = 0.15, size: tuple[int, int] = (48, 64)) -> torch.Tensor:
    return (0.45 + contrast * natural_noise(size, generator(1))).clamp(0, 1)


def contrast(look: ColorStatistics) -> float:
    return math.hypot(*look.bands)


def test_holding_with_a_share_of_nothing_changes_nothing():
    assert torch.equal(hold(scene(), NATURAL, 0), scene())


def test_a_picture_that_already_looks_so_is_left_alone():
    picture = scene()
    assert torch.allclose(hold(picture, measure(picture), 0.5), picture, atol=1e-5)


@pytest.mark.parametrize("start", [0.03, 0.4])
def test_held_again_and_again_a_picture_comes_to_the_reference_from_either_side(start):
    picture = scene(start, size=(144, 192))
    for _ in range(60):
        picture = hold(picture, NATURAL, 0.2)
    look = measure(picture)
    assert look.mean == pytest.approx(NATURAL.mean, abs=0.01)
    assert look.saturation == pytest.approx(NATURAL.saturation, rel=0.05)
    assert look.bands == pytest.approx(NATURAL.bands, rel=0.15)  # bands overlap a little


def test_a_burning_picture_is_cooled_and_a_grey_one_is_coloured():
    burning, grey = scene(0.5), luma(scene()).expand(1, 3, -1, -1) + 0.01 * (scene() - luma(scene()))
    assert contrast(measure(hold(burning, NATURAL, 0.1))) < contrast(measure(burning))
    assert measure(hold(grey, NATURAL, 0.1)).saturation > measure(grey).saturation


def test_fine_ripples_are_taken_back_without_touching_the_coarse_shape():
    ripples = 0.2 * (torch.arange(64) % 2 - 0.5).expand(1, 3, 48, 64)
    before, after = measure(scene() + ripples), measure(hold(scene() + ripples, measure(scene()), 0.5))
    assert after.bands[0] < 0.8 * before.bands[0]
    assert after.bands[3:] == pytest.approx(before.bands[3:], rel=0.05)


def test_light_that_always_comes_from_above_is_levelled():
    lit_from_above = scene() + torch.linspace(0.2, -0.2, 48).view(1, 1, 48, 1)
    assert measure(lit_from_above).tilt[1] - measure(scene()).tilt[1] == pytest.approx(-0.2, abs=0.01)
    picture = lit_from_above
    for _ in range(10):
        picture = hold(picture, NATURAL, 0.1)
    assert abs(measure(picture).tilt[1]) < 0.02


def test_an_empty_picture_stays_finite():
    assert torch.isfinite(hold(torch.zeros(1, 3, 20, 20), NATURAL, 0.1)).all()


def test_the_limit_bends_only_what_comes_near_it_and_nothing_passes():
    picture = torch.linspace(-3, 4, 701).expand(1, 3, 1, 701)
    limited = soft_limit(picture)
    inside = (picture > 0.17) & (picture < 0.83)
    assert torch.equal(limited[inside], picture[inside])
    assert limited.min() > 1.5 / 255
    assert limited.max() < 253.5 / 255
    assert (limited.diff() >= 0).all()


def test_the_saturation_of_grey_is_nothing_and_luma_of_white_is_one():
    assert measure(torch.full((1, 3, 8, 8), 0.5)).saturation < 1e-6
    assert luma(torch.ones(1, 3, 2, 2)) == pytest.approx(1.0)


def test_noise_like_photographs_is_coarser_and_less_colourful_than_white_noise():
    natural, white = natural_noise((64, 64), generator(2)), white_noise((64, 64), generator(2))
    assert natural.std() == pytest.approx(1, abs=0.01)
    assert natural.diff(dim=3).std() < 0.7 * white.diff(dim=3).std()
    assert measure(natural).saturation < 0.6 * measure(white).saturation


def test_nothing_is_enlarged_more_than_twofold_in_one_go_so_that_a_flat_picture_stays_flat():
    """It has no contrast to enlarge, only rounding noise."""
    flat = 0.45 + 0.001 * natural_noise((96, 128), generator(3))
    held = measure(hold(flat, NATURAL, 1.0))
    before = measure(flat)
    for now, then in zip(held.bands, before.bands, strict=True):
        assert now < 2.2 * then


def test_colour_is_favoured_at_most_twofold_and_disfavoured_eightfold():
    """Networks love colour: left to themselves they would paint all of a grey picture."""
    noise = natural_noise((96, 128), generator(4))
    grey, loud = (0.45 + share * noise for share in (0.001, 1.0))
    assert float(color_gains(grey, NATURAL).color) == 2
    assert float(color_gains(loud, NATURAL).color) == pytest.approx(1 / 8, abs=0.1)
    assert float(color_gains(grey, NATURAL).bands.max()) == 8


def test_what_is_between_two_looks_has_its_share_of_each_number():
    one, other = measure(scene(0.1)), measure(scene(0.2))
    assert between(one, other, 0) == one
    assert between(one, other, 1) == other
    half = between(one, other, 0.5)
    assert half.bands == pytest.approx([(a + b) / 2 for a, b in zip(one.bands, other.bands, strict=True)])


def test_pictures_of_any_size_are_held_to_the_same_contrasts_relative_to_the_frame() -> None:
    def held(scale: float) -> tuple[float, ...]:
        picture = (0.45 + 0.3 * natural_noise((round(360 * scale), round(640 * scale)), generator(5))).clamp(0, 1)
        for _ in range(8):
            picture = hold(picture, natural_at(scale), 0.5)
        return measure(resize(picture, (180, 320))).bands[1:]

    for scale in (0.5, 1.5, 2):
        assert held(scale) == pytest.approx(held(1), rel=0.15)
    assert natural_at(1) == NATURAL
