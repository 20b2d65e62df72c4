import pytest
import torch

from zoomdream.color.pyramid import bands, fill, merge, octave_sizes, resize
from zoomdream.color.statistics import NATURAL, color_gains
from zoomdream.dream.ascent import View, ascend, objective_gradient
from zoomdream.dream.gradient import normalize
from zoomdream.dream.objective import weighted_sum
from zoomdream.dream.octaves import Recipe, draw_view, dream
from zoomdream.dream.terms import LayerTerm, energy
from zoomdream.randomness import generator, jitter_offset, wandering

GREY = torch.full((1, 3, 24, 32), 0.5)


def noise(size: tuple[int, int] = (24, 32), seed: int = 1) -> torch.Tensor:
    return torch.rand(1, 3, *size, generator=generator(seed))


def mean_one(gradient: torch.Tensor) -> torch.Tensor:
    return normalize(gradient, "mean")


def redness(picture: torch.Tensor) -> torch.Tensor:
    return picture[:, 0].mean()


def test_the_objective_rises_with_every_step():
    def fineness(picture):
        return picture.diff(dim=3).square().mean()

    heights = [
        float(
            fineness(
                ascend(
                    noise(),
                    fineness,
                    steps=steps,
                    step_size=0.01,
                    views=lambda step: View((step, 2 * step)),
                    normalized=mean_one,
                )
            )
        )
        for steps in range(4)
    ]
    assert heights == sorted(heights)
    assert heights[3] > 1.1 * heights[0]


def test_a_step_changes_the_picture_by_the_step_size_on_average():
    changed = ascend(
        GREY, lambda picture: (picture * noise()).sum(), steps=1, step_size=0.01, views=lambda _: View(),
        normalized=mean_one,
    )  # fmt: skip
    assert float((changed - GREY).abs().mean()) == pytest.approx(0.01, rel=1e-4)


def test_jitter_is_undone_so_that_the_picture_stays_in_place():
    corner = torch.zeros(1, 3, 8, 8)
    corner[..., 0, 0] = 1
    moved = ascend(
        corner, lambda picture: (picture**2).sum(), steps=3, step_size=0.1, views=lambda step: View((3, step + 1)),
        normalized=mean_one,
    )  # fmt: skip
    assert int(moved[0, 0].argmax()) == 0


@pytest.mark.parametrize("how", ["laplacian", "mean", "std"])
def test_a_normalised_gradient_has_mean_magnitude_one_whatever_its_size_was(how):
    gradient = torch.randn(1, 3, 24, 32, generator=generator(3)) * 1e-5
    assert float(normalize(gradient, how).abs().mean()) == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize("how", ["laplacian", "mean", "std"])
def test_a_dead_objective_leaves_the_picture_as_it_is(how):
    assert torch.equal(normalize(torch.zeros(1, 3, 24, 32), how), torch.zeros(1, 3, 24, 32))


def test_laplacian_normalisation_lifts_a_faint_coarse_shape_to_the_height_of_loud_texture():
    x = torch.arange(64.0).expand(1, 3, 64, 64)
    texture, shape = 100 * torch.cos(torch.pi * x), torch.sin(2 * torch.pi * x / 32)
    lifted = normalize(texture + shape, "laplacian")
    rows = lifted[0, 0, 32]
    coarse = torch.fft.rfft(rows).abs()
    assert coarse[2] > 0.15 * coarse[32]  # it was 0.005


def test_the_bands_that_a_picture_lacks_are_favoured():
    fine = 0.5 + 0.6 * (torch.arange(64) % 2 - 0.5).expand(1, 3, 64, 64)
    gains = color_gains(fine, NATURAL)
    gradient = torch.randn(1, 3, 64, 64, generator=generator(4))
    plain, balanced = normalize(gradient, "laplacian"), normalize(gradient, "laplacian", gains)
    assert bands(balanced, 1)[0].std() < 0.7 * bands(plain, 1)[0].std()


def test_a_picture_too_colourful_climbs_in_grey():
    red = torch.tensor((0.9, 0.1, 0.1)).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    gradient = torch.randn(1, 3, 32, 32, generator=generator(5))
    balanced = normalize(gradient, "laplacian", color_gains(red, NATURAL))
    assert balanced.std(dim=1).mean() < 0.5 * normalize(gradient, "laplacian").std(dim=1).mean()


def test_gradients_are_taken_to_the_picture_alone():
    weight = torch.ones(1, requires_grad=True)
    objective_gradient(GREY, lambda picture: (picture * weight).sum())
    assert weight.grad is None


def test_the_bands_of_a_picture_add_up_to_it():
    picture = noise((37, 50))
    assert torch.allclose(merge(bands(picture, 4)), picture, atol=1e-5)


def test_octaves_go_from_small_to_the_full_size_and_those_too_small_are_left_out():
    assert octave_sizes((140, 280), 3, 1.4) == ((71, 143), (100, 200), (140, 280))
    assert octave_sizes((140, 280), 3, 1.4, smallest=90) == ((100, 200), (140, 280))
    assert octave_sizes((20, 20), 3, 1.4, smallest=64) == ((20, 20),)


def test_shrinking_is_antialiased_so_that_stripes_become_grey():
    stripes = (torch.arange(64) % 2).float().expand(1, 3, 64, 64)
    assert resize(stripes, (16, 16))[..., 2:-2, 2:-2].std() < 0.02


def test_a_wide_picture_fills_a_square_by_losing_its_sides():
    wide = torch.zeros(1, 3, 10, 30)
    wide[..., 10:20] = 1
    assert torch.allclose(fill(wide, (20, 20))[..., 2:-2, 3:-3], torch.tensor(1.0), atol=0.05)


def test_no_steps_give_the_picture_back_itself():
    assert dream(GREY, redness, Recipe(steps=0), seed=1, frame=0) is GREY


def test_the_picture_keeps_its_own_detail_through_the_octaves():
    picture = noise()
    dreamt = dream(picture, redness, Recipe(octaves=3, steps=1, step_size=1e-4), seed=1, frame=0)
    assert float((dreamt - picture).abs().max()) < 0.01  # shrunk and enlarged it would be off by a half


def test_every_octave_adds_its_share():
    one = dream(GREY, redness, Recipe(octaves=1, steps=1, normalization="mean"), seed=1, frame=0)
    three = dream(GREY, redness, Recipe(octaves=3, steps=1, normalization="mean"), seed=1, frame=0)
    assert float((three - GREY).mean()) == pytest.approx(3 * float((one - GREY).mean()), rel=0.05)


def test_randomness_depends_on_seed_and_place_alone():
    def draw(*place):
        return jitter_offset(1000, generator(*place))

    assert draw(7, "jitter", 3, 1, 2) == draw(7, "jitter", 3, 1, 2)
    assert len({draw(seed, "jitter", frame, 0, 0) for seed in range(5) for frame in range(5)}) == 25


def test_wandering_is_smooth_never_still_and_the_same_at_any_time_without_its_past():
    walk = torch.stack([wandering(200, time, generator(1)) for time in torch.arange(0, 40, 0.1).tolist()])
    assert float(walk.std()) == pytest.approx(1, abs=0.1)
    assert walk.diff(dim=0).abs().max() < 0.8
    assert torch.equal(wandering(200, 12.3, generator(1)), wandering(200, 12.3, generator(1)))
    later = torch.corrcoef(torch.stack((walk[0], walk[100])))[0, 1]
    assert abs(float(later)) < 0.3


def activations(**layers: float) -> dict[str, torch.Tensor]:
    return {name: torch.full((1, 4, 3, 3), value) for name, value in layers.items()}


def test_a_weight_means_the_same_in_a_loud_layer_and_in_a_quiet_one():
    loud = torch.full((1, 4, 3, 3), 1000.0, requires_grad=True)
    quiet = torch.full((1, 4, 3, 3), 0.1, requires_grad=True)
    weighted_sum({"loud": loud, "quiet": quiet}, (LayerTerm("loud"), LayerTerm("quiet"))).backward()
    # the same relative change of either raises the objective by the same
    assert (loud.grad * loud).sum().item() == pytest.approx((quiet.grad * quiet).sum().item(), rel=1e-3)


def test_only_the_chosen_channels_count_and_emphasis_scales_each():
    activation = torch.arange(1.0, 5.0).view(1, 4, 1, 1)
    assert float(energy(activation, LayerTerm("x", channels=(1, 3)))) == pytest.approx((4 + 16) / 4)
    doubled = torch.tensor((0.0, 2.0, 0.0, 0.0))
    assert float(energy(activation, LayerTerm("x", emphasis=doubled))) == pytest.approx(2 * 4 / 8)


def test_diversity_turns_the_climb_from_the_loudest_channel_to_the_quiet_ones():
    def pull(diversity: float) -> list[float]:
        """How much the objective gains from one per cent more of each channel, as shares."""
        activation = torch.tensor((10.0, 1.0, 0.5)).view(1, 3, 1, 1).requires_grad_()
        energy(activation, LayerTerm("x", diversity=diversity)).log().backward()
        gains = (activation.grad * activation).flatten().detach()
        return (gains / gains.sum()).tolist()

    assert pull(0.0)[0] > 0.98  # of the classic energy
    assert 0.4 < pull(0.8)[0] < 0.7
    assert pull(1.0) == pytest.approx([1 / 3] * 3, abs=0.05)


def test_a_silent_channel_leaves_the_gradient_finite():
    activation = torch.zeros(1, 3, 4, 4, requires_grad=True)
    energy(activation, LayerTerm("x", diversity=1.0)).log().backward()
    assert torch.isfinite(activation.grad).all()


def test_a_negative_weight_suppresses_and_a_zero_weight_needs_no_layer():
    rising = weighted_sum(activations(a=1.0, b=2.0), (LayerTerm("a"), LayerTerm("b", weight=-1)))
    assert float(rising) < float(weighted_sum(activations(a=1.0, b=1.0), (LayerTerm("a"), LayerTerm("b", weight=-1))))
    assert float(weighted_sum(activations(a=1.0), (LayerTerm("a"), LayerTerm("gone", weight=0)))) == float(
        weighted_sum(activations(a=1.0), (LayerTerm("a"),))
    )


def test_each_octave_takes_its_own_number_of_steps():
    seen = []

    def climbed(picture):
        seen.append(tuple(picture.shape[-2:]))
        return picture.square().mean()

    recipe = Recipe(octaves=3, octave_scale=2, steps=(3, 0, 1), jitter=0)
    dreamt = dream(noise(), climbed, recipe, seed=1, frame=0)
    assert seen == [(6, 8)] * 3 + [(24, 32)]
    assert dreamt.shape == (1, 3, 24, 32)
    coarse_alone = dream(noise(), climbed, Recipe(octaves=3, octave_scale=2, steps=(3, 0, 0)), seed=1, frame=0)
    assert (coarse_alone - noise()).diff(dim=3).abs().max() < 0.01  # smooth, and as large as the picture


def test_octaves_that_only_add_detail_leave_what_coarser_ones_can_hold_as_it_was() -> None:
    def climbed(picture: torch.Tensor) -> torch.Tensor:
        return (picture - 0.5).square().mean()

    whole, detailed, coarse = (
        dream(noise(), climbed, Recipe(octaves=2, octave_scale=2, steps=steps, detailing=detailing), seed=1, frame=0)
        for steps, detailing in ((3, 0), (3, 1), ((3, 0), 0))
    )

    def aside(picture: torch.Tensor) -> float:
        """How far it is from what the coarse octave made, as far as that can tell."""
        height, width = picture.shape[-2:]
        return float(resize(picture - coarse, (height // 2, width // 2)).abs().mean())

    assert aside(detailed) < 0.2 * aside(whole)
    assert float((detailed - coarse).abs().mean()) > 0.003


def test_steps_of_the_finest_octave_may_be_larger() -> None:
    recipes = [Recipe(octaves=2, octave_scale=2, steps=(0, 2), jitter=0, finest=finest) for finest in (1, 2)]
    one, two = (dream(GREY, redness, recipe, seed=1, frame=0) - GREY for recipe in recipes)
    assert torch.allclose(two, 2 * one, atol=1e-5)


def test_where_coarse_octaves_are_left_out_the_steps_of_the_fine_ones_stay():
    seen = []

    def climbed(picture):
        seen.append(tuple(picture.shape[-2:]))
        return picture.square().mean()

    recipe = Recipe(octaves=3, octave_scale=2, steps=(9, 2, 1), jitter=0, smallest=12)
    dream(noise(), climbed, recipe, seed=1, frame=0)
    assert seen == [(12, 16)] * 2 + [(24, 32)]


def test_of_a_wrapped_picture_all_places_are_alike():
    """Where its edges lie makes no difference to the gradient, which without the wrap ends at them."""

    def fineness(picture):
        return (torch.nn.functional.avg_pool2d(picture, 9, 1, 4) - 0.3).square().sum()

    def unchanged(gradient):
        return gradient

    picture, view = noise((40, 60)), View((5, -9), wrap=8)
    rolled = picture.roll((17, 31), (2, 3))
    found = view.gradient(picture, fineness, unchanged).roll((17, 31), (2, 3))
    assert torch.allclose(view.gradient(rolled, fineness, unchanged), found, atol=1e-5)
    unwrapped = View((5, -9)).gradient(picture, fineness, unchanged).roll((17, 31), (2, 3))
    assert not torch.allclose(View((5, -9)).gradient(rolled, fineness, unchanged), unwrapped, atol=1e-2)


def test_a_wrapped_picture_is_dreamed_on_that_is_too_small_for_all_bands():
    recipe = Recipe(octaves=1, steps=1, wrapped=True, reference=NATURAL)
    assert dream(noise((58, 20)), redness, recipe, seed=1, frame=0).shape == (1, 3, 58, 20)


def test_each_step_on_a_wrapped_picture_begins_anywhere_in_it():
    views = [draw_view(Recipe(jitter=2, wrapped=True), (24, 300), (1, 2, 3), step) for step in range(40)]
    assert {view.wrap for view in views} == {24}
    assert max(view.offset[0] for view in views) - min(view.offset[0] for view in views) > 300
