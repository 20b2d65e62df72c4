import math

import pytest
import torch

from zoomdream.camera.motion import Motion, camera_flow, combined, integrate, inverse, outside, reveals
from zoomdream.camera.warp import warp
from zoomdream.randomness import generator

STILL = (0.0, 0.0)


def dot(x: int, y: int, size: tuple[int, int] = (9, 9)) -> torch.Tensor:
    picture = torch.zeros(1, 3, *size)
    picture[..., y, x] = 1
    return picture


def lit(picture: torch.Tensor) -> tuple[int, int]:
    """(x, y) of the brightest pixel."""
    place = int(picture[0, 0].argmax())
    width = picture.shape[-1]
    return place % width, place // width


def constant_flow(x: float, y: float, size: tuple[int, int] = (9, 9)) -> torch.Tensor:
    return torch.tensor((x, y)).view(1, 2, 1, 1).expand(1, 2, *size)


def smooth_picture(size: tuple[int, int]) -> torch.Tensor:
    """Waves of 9 to 25 pixels: what a picture with detail but without noise looks like."""
    height, width = size
    y, x = torch.meshgrid(torch.arange(height).float(), torch.arange(width).float(), indexing="ij")
    return torch.stack((wave(x, y, 9), wave(y, x, 13), wave(x + y, x - y, 25)))[None]


def wave(a: torch.Tensor, b: torch.Tensor, length: float) -> torch.Tensor:
    return 0.5 + 0.2 * torch.sin(2 * math.pi * a / length) + 0.2 * torch.cos(2 * math.pi * b / (1.3 * length))


def test_flow_is_backward_so_positive_x_pulls_the_picture_left():
    assert lit(warp(dot(3, 4), constant_flow(1, 0))) == (2, 4)


def test_flow_is_backward_so_positive_y_pulls_the_picture_up():
    assert lit(warp(dot(3, 4), constant_flow(0, 1))) == (3, 3)


@pytest.mark.parametrize("border", ["reflect", "replicate", "wrap"])
def test_no_motion_changes_no_pixel(border):
    picture = torch.rand(1, 3, 11, 14, generator=generator(1))
    assert torch.allclose(warp(picture, torch.zeros(1, 2, 11, 14), border), picture, atol=1e-5)


@pytest.mark.parametrize("border", ["reflect", "wrap"])
def test_a_shift_of_whole_pixels_is_exact_whatever_lies_outside(border):
    picture = torch.rand(1, 3, 12, 16, generator=generator(2))
    moved = warp(picture, constant_flow(3, -2, (12, 16)), border)
    assert torch.allclose(moved[..., 2:, :-3], picture[..., :-2, 3:], atol=1e-5)


def test_wrap_brings_in_the_opposite_side():
    picture = torch.rand(1, 3, 12, 16, generator=generator(3))
    assert torch.allclose(
        warp(picture, constant_flow(5, 7, (12, 16)), "wrap"), picture.roll((-7, -5), (2, 3)), atol=1e-5
    )


def test_replicate_draws_out_the_last_pixel():
    picture = torch.full((1, 3, 8, 8), 0.25)
    picture[..., -3:] = 0.75
    assert torch.allclose(
        warp(picture, constant_flow(6, 0, (8, 8)), "replicate")[..., -3:], torch.tensor(0.75), atol=0.01
    )


def test_reflect_shows_the_mirrored_picture_outside():
    picture = torch.rand(1, 3, 12, 16, generator=generator(4))
    moved = warp(picture, constant_flow(4, 0, (12, 16)), "reflect")
    assert torch.allclose(moved[..., -4:], picture[..., -4:].flip(3), atol=1e-4)


@pytest.mark.parametrize("border", ["reflect", "replicate", "wrap"])
def test_a_picture_of_one_grey_stays_that_grey(border):
    flow = 30 * torch.randn(1, 2, 9, 9, generator=generator(5))
    assert torch.allclose(warp(torch.full((1, 3, 9, 9), 0.3), flow, border), torch.tensor(0.3), atol=1e-5)


def test_half_a_pixel_there_and_back_loses_almost_nothing():
    picture = smooth_picture((40, 60))
    there = warp(picture, constant_flow(0.5, 0.5, (40, 60)))
    back = warp(there, constant_flow(-0.5, -0.5, (40, 60)))
    assert (back - picture)[..., 4:-4, 4:-4].abs().max() < 0.002


def test_a_hundred_sub_pixel_shifts_do_not_amplify_noise():
    noise = torch.rand(1, 1, 32, 32, generator=generator(6))
    moved = noise
    for _ in range(100):
        moved = warp(moved, constant_flow(0.37, 0.41, (32, 32)), "wrap")
    assert moved.std() <= noise.std()


def test_zooming_in_moves_the_content_away_from_the_pivot():
    moved = warp(dot(6, 4), camera_flow(Motion(scale=2.0), (9, 9)))
    assert lit(moved) == (8, 4)  # two pixels right of the middle becomes four


def test_zooming_out_moves_the_content_towards_the_pivot():
    assert lit(warp(dot(8, 4), camera_flow(Motion(scale=0.5), (9, 9)))) == (6, 4)


def test_positive_rotation_turns_the_content_counter_clockwise_on_screen():
    assert lit(warp(dot(7, 4), camera_flow(Motion(degrees=90), (9, 9)))) == (4, 1)  # from the right to the top


def test_positive_pan_moves_the_content_right_and_down():
    flow = camera_flow(Motion(pan=(1 / 9, 2 / 9)), (9, 9))
    assert lit(warp(dot(3, 3), flow)) == (4, 5)


def test_the_pivot_is_what_stays_where_it_is():
    flow = camera_flow(Motion(scale=1.3, degrees=20, pivot=(0.25, 0.75)), (40, 80))
    assert flow[0, :, 29:31, 19:21].mean(dim=(1, 2)).abs().max() < 1e-5  # (20, 30) lies between these four pixels


def test_an_analytic_picture_is_resampled_to_what_its_formula_says():
    size = (60, 80)
    flow = camera_flow(Motion(scale=1.07, degrees=4, pivot=(0.4, 0.6)), size)
    moved = warp(smooth_picture(size), flow)
    y, x = torch.meshgrid(torch.arange(60).float(), torch.arange(80).float(), indexing="ij")
    x, y = x + flow[0, 0], y + flow[0, 1]
    truth = torch.stack((wave(x, y, 9), wave(y, x, 13), wave(x + y, x - y, 25)))[None]
    error = (moved - truth)[..., 5:-5, 5:-5].square().mean()
    assert -10 * math.log10(float(error)) > 60


@pytest.mark.parametrize("rate", [24, 30, 60])
def test_speeds_per_second_give_the_same_path_at_every_frame_rate(rate):
    times = [frame / rate for frame in range(4 * rate + 1)]
    motions = integrate(
        zoom=[1.3 + 0.2 * math.sin(t) for t in times],
        rotate=[10 * t for t in times],
        pan=[(0.1, -0.2 * t) for t in times],
        pivot=[(0.5, 0.5)] * len(times),
        frames_per_second=rate,
    )
    finest = [4 * (step + 0.5) / 100_000 for step in range(100_000)]
    truth = math.exp(sum(math.log(1.3 + 0.2 * math.sin(t)) for t in finest) * 4 / 100_000)
    assert math.prod(motion.scale for motion in motions) == pytest.approx(truth, rel=1e-4)
    assert sum(motion.degrees for motion in motions) == pytest.approx(80)
    assert sum(motion.pan[0] for motion in motions) == pytest.approx(0.4)
    assert sum(motion.pan[1] for motion in motions) == pytest.approx(-1.6)


def test_zooming_out_reveals_a_rim_and_zooming_in_reveals_nothing():
    assert outside(camera_flow(Motion(scale=0.8), (20, 30)))[0, 0].bool().float().mean() > 0.2
    assert outside(camera_flow(Motion(scale=0.8), (20, 30)))[0, 0, 10, 15] == 0
    assert outside(camera_flow(Motion(scale=1.2), (20, 30))).max() == 0


def test_the_margin_around_a_frame_moves_with_the_frame():
    motion = Motion(scale=1.2, degrees=7, pan=(0.1, 0.05), pivot=(0.3, 0.8))
    wide = camera_flow(motion, (20, 30), margin=(4, 6))
    assert wide.shape == (1, 2, 28, 42)
    assert torch.allclose(wide[..., 4:-4, 6:-6], camera_flow(motion, (20, 30)), atol=1e-5)


MOTIONS = (
    Motion(scale=1.1, degrees=7, pan=(0.1, 0.05), pivot=(0.3, 0.8)),
    Motion(scale=0.95, degrees=-20, pan=(0, -0.2), pivot=(0.5, 0.5)),
    Motion(scale=1.3, degrees=3, pivot=(1.2, 0.1)),
)


def test_several_motions_are_one():
    size = (40, 70)
    picture = smooth_picture(size)
    stepwise = picture
    for motion in MOTIONS:
        stepwise = warp(stepwise, camera_flow(motion, size))
    at_once = warp(picture, camera_flow(combined(MOTIONS, size), size))
    assert (at_once - stepwise)[..., 14:-14, 24:-24].abs().max() < 0.005
    assert combined(MOTIONS[:1], size) == MOTIONS[0]


@pytest.mark.parametrize("motion", MOTIONS)
def test_the_way_back_ends_where_it_began(motion):
    there_and_back = combined((motion, inverse(motion)), (40, 70))
    assert camera_flow(there_and_back, (40, 70)).abs().max() < 1e-4


def test_only_zooming_in_about_a_point_inside_reveals_nothing():
    assert not reveals(Motion(scale=1.02, degrees=0.1), (180, 320))
    assert not reveals(Motion(), (180, 320))
    assert reveals(Motion(scale=0.99), (180, 320))
    assert reveals(Motion(scale=1.02, degrees=2), (180, 320))
    assert reveals(Motion(pan=(0.01, 0)), (180, 320))
    assert reveals(Motion(scale=1.02, pivot=(-0.5, 0.5)), (180, 320))


def test_a_picture_moved_in_strips_is_the_one_moved_as_a_whole():
    picture, size = torch.rand(1, 3, 30, 40, generator=generator(1, "strips")), (30, 40)
    flow = camera_flow(Motion(1.1, 5.0, (0.1, 0.0), (0.3, 0.6)), size, (0, 0))
    threads, found = torch.get_num_threads(), []
    for count in (1, 4):  # a third of 30 rows each, since 4 does not divide them
        torch.set_num_threads(count)
        found.append(warp(picture, flow))
    torch.set_num_threads(threads)
    assert torch.equal(*found)
