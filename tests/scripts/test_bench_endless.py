"""The measures of bench_endless, on pictures whose answer is known."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from bench import looks
from bench.endless import motion, scenes, still_camera
from torch import Tensor

from zoomdream.camera.motion import Motion, camera_flow
from zoomdream.camera.warp import warp
from zoomdream.config import load_config


def scene(seed: int, size: tuple[int, int] = (48, 64)) -> Tensor:
    return torch.rand((1, 1, *size), generator=torch.Generator().manual_seed(seed))


def wave(length: float, size: tuple[int, int] = (96, 128)) -> Tensor:
    """A cosine of deviation 1 across x."""
    across = torch.cos(2 * torch.pi * torch.arange(size[1]) / length) * 2**0.5
    return across.expand(1, 1, *size)


@pytest.mark.parametrize(("length", "band"), [(3, 0), (6, 1), (12, 2), (24, 3)])
def test_a_wave_lands_in_the_band_of_its_length(length: float, band: int) -> None:
    energies = looks.band_energies(wave(length))
    assert energies[band] == pytest.approx(1, abs=0.05)
    assert sum(value**2 for value in energies) - energies[band] ** 2 < 0.02


def test_the_bands_of_noise_together_are_its_deviation() -> None:
    noise = scene(1, (96, 128))
    energies = looks.band_energies(noise)
    assert math.sqrt(sum(value**2 for value in energies)) == pytest.approx(float(noise.std()), rel=0.02)


def test_a_look_knows_grey_from_colour_and_bright_from_dark() -> None:
    look = looks.look
    grey, red = torch.full((1, 3, 64, 64), 0.6), torch.zeros(1, 3, 64, 64)
    red[:, 0] = 1
    assert look(grey).brightness == pytest.approx(0.6)
    assert look(grey).contrast < 1e-4
    assert look(grey).saturation < 1e-4
    assert look(red).brightness == pytest.approx(0.2126)
    assert look(red).saturation == pytest.approx(math.sqrt(0.7874**2 + 2 * 0.2126**2), rel=1e-3)


def test_a_pixel_is_clipped_where_any_of_its_channels_is() -> None:
    pixels = torch.full((3, 10, 10), 128, dtype=torch.uint8)
    pixels[0, 0, 0], pixels[2, 5, 5], pixels[1, 5, 5] = 1, 254, 255
    pixels[1, 9, 9] = 2
    assert looks.clipped_share(pixels) == pytest.approx(0.02)


def test_independent_scenes_recur_once_and_a_repeated_one_much_more() -> None:
    fresh, repeated = scenes.Recurrence(), scenes.Recurrence()
    for seed in range(25):
        fresh.add(scene(seed))
        repeated.add(scene(seed % 2))
    assert fresh.value(doublings=25) == pytest.approx(1, abs=0.1)
    assert repeated.value(doublings=25) > 3


def test_novelty_sees_a_run_that_stops_inventing() -> None:
    """Features that wander for half a run and then go to and fro between two of them."""
    random = torch.Generator().manual_seed(3)
    wandering = [torch.nn.functional.normalize(torch.rand(64, generator=random), dim=0) for _ in range(200)]
    stuck = [*wandering[:100], *[wandering[index // 12 % 2] for index in range(100)]]
    lively, dull = (scenes.novelty(run, 10, Fraction(30)) for run in (wandering, stuck))
    assert lively["near_end"] / lively["far"] == pytest.approx(1, abs=0.15)
    assert dull["near_end"] < 0.75 * lively["near_end"]
    assert dull["near_beginning"] == lively["near_beginning"]
    assert math.isnan(scenes.novelty(wandering[:100], 10, Fraction(30))["far"])


def test_the_measured_motion_is_the_cameras() -> None:
    picture = torch.nn.functional.avg_pool2d(scene(4, (144, 256)), 5, 1, 2)
    picture = (picture - picture.mean()) * 2 + 0.5
    camera = Motion(scale=1.02, degrees=1.5, pivot=(0.4, 0.6))
    moved = warp(picture, camera_flow(camera, (144, 256)))
    found = motion.measured_similarity(picture, moved)
    assert found.log_scale == pytest.approx(math.log(1.02), rel=0.03)
    assert found.degrees == pytest.approx(1.5, rel=0.03)
    assert motion.correlation(picture, moved, camera) > 0.999
    assert motion.correlation(picture, moved, Motion(scale=0.98)) < 0.9


def test_the_path_of_the_camera_is_that_of_its_plain_speeds() -> None:
    config = load_config({"size": [64, 48], "fps": 25, "frames": 51, "camera": {"zoom": 2, "rotate": -5}})
    path = motion.motions(config)
    assert motion.doublings(path) == pytest.approx(2)
    two_seconds = motion.between(path, 0, 50)
    assert two_seconds.log_scale == pytest.approx(2 * math.log(2))
    assert two_seconds.degrees == pytest.approx(-10)


def test_the_slope_is_right_for_a_camera_that_turns_to_and_fro() -> None:
    assert motion.slope([-2.2, 1.1, 1.1], [-2, 1, 1]) == pytest.approx(1.1)
    assert math.isnan(motion.slope([0.1], [0.0]))


def test_the_sinc_reference_is_exact_on_a_formulas_picture() -> None:
    size = (96, 64)
    y, x = torch.meshgrid(torch.arange(64.0).double(), torch.arange(96.0).double(), indexing="ij")
    places = still_camera.origins(size, still_camera.CAMERA, 1 / 30)
    found = still_camera.sinc_sampled(still_camera.cosines(x, y, waves=100, shortest=3), *places)
    assert still_camera.psnr(found, still_camera.cosines(*places, waves=100, shortest=3), margin=16) > 50


def test_the_camera_alone_meets_its_bars(tmp_path: Path) -> None:
    assert still_camera.formula_psnr((96, 64), tmp_path) > 40
    (found,) = still_camera.magnifications((160, 90), 1.35, [8], tmp_path)
    assert found == pytest.approx(still_camera.true_magnification(1.35), rel=1e-3)
