"""The Droste space: what a strip shows comes back after whole periods, and every frame shows just what lies on it."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from zoomdream.camera.droste import DrosteCamera, Levels, Torus, closed, path, resampled
from zoomdream.camera.motion import Motion

SIZE = (120, 160)
PIVOT = (0.4, 0.55)
TORI = [Torus(3), Torus(2, arms=3), Torus(4, twist=1), Torus(2, arms=2, twist=-1)]


def formula(across: Tensor, down: Tensor) -> Tensor:
    """A smooth picture of places on the torus, in periods: (H, W) each to (1, 3, H, W)."""
    across, down = (2 * math.pi * place for place in torch.broadcast_tensors(across, down))
    red = 0.5 + 0.3 * torch.sin(3 * down + 2 * across)
    return torch.stack([red, 0.5 + 0.4 * torch.cos(2 * down - across), 0.5 + 0.3 * torch.sin(4 * down)])[None].float()


def strip_of(torus: Torus) -> Tensor:
    rows, columns = torus.strip(SIZE)
    return formula(torch.arange(columns).double()[None] / columns, torch.arange(rows).double()[:, None] / rows)


def view(torus: Torus, strip: Tensor, *moved: complex) -> list[Tensor]:
    camera = DrosteCamera(torus, SIZE, moved, (PIVOT,) * len(moved))
    return [camera(Levels.of(strip), frame) for frame in range(len(moved))]


def psnr(found: Tensor, wanted: Tensor) -> float:
    return -10 * math.log10(float((found - wanted).square().mean()) + 1e-12)


def places() -> Tensor:
    """log z of every pixel, (H, W): from the pivot, angles counter-clockwise on screen."""
    x = torch.arange(SIZE[1], dtype=torch.float64)[None] + 0.5 - PIVOT[0] * SIZE[1]
    y = PIVOT[1] * SIZE[0] - torch.arange(SIZE[0], dtype=torch.float64)[:, None] - 0.5
    return torch.complex(*torch.broadcast_tensors(x, y)).log()


@pytest.mark.parametrize("torus", TORI)
def test_a_frame_shows_what_the_formula_says(torus: Torus) -> None:
    moved = complex(0.123, 0.456)
    (found,) = view(torus, strip_of(torus), moved)
    on_strip = torus.slant * (places() - moved)
    wanted = formula(-on_strip.imag / torus.width, -on_strip.real / torus.height)
    away = places().real.exp() > 10  # nearer, the picture is finer than pixels, and must not be as it is
    assert psnr(found[..., away], wanted[..., away]) > 45


@pytest.mark.parametrize("torus", TORI)
def test_all_comes_back_after_a_period_and_a_part_of_a_turn(torus: Torus) -> None:
    moved, strip = complex(0.3, 0.1), torch.rand((1, 3, *torus.strip(SIZE)))
    period = torus.period_near(complex(torus.height, 0))
    frame, later, turned, other = view(
        torus, strip, moved, moved + period, moved + 2j * math.pi / torus.arms, moved + period / 2
    )
    assert psnr(frame, later) > 60
    assert psnr(frame, turned) > 60
    assert psnr(frame, other) < 30


def test_the_period_of_the_print_gallery_is_that_of_the_paper() -> None:
    period = Torus(8, twist=1).period_near(complex(math.log(22), math.radians(157)))
    assert math.exp(period.real) == pytest.approx(22.58, abs=0.01)
    assert math.degrees(period.imag) == pytest.approx(157.6, abs=0.1)


def test_content_moves_outwards_and_counter_clockwise() -> None:
    torus = Torus(3)
    spot = torch.zeros(1, 3, *torus.strip(SIZE))
    angle, radius = math.radians(20), 30
    row = -math.log(radius) / torus.height % 1 * spot.shape[2]
    column = -angle / torus.width % 1 * spot.shape[3]
    spot[..., round(row) - 2 : round(row) + 3, round(column) - 2 : round(column) + 3] = 1
    camera = DrosteCamera(torus, SIZE, path([Motion(), Motion(1.5, 40)]), ((0.5, 0.5),) * 2)
    for frame, (radius, angle) in enumerate([(30, 20), (45, 60)]):
        picture = camera(Levels.of(spot), frame)[0, 0]
        x, y = (80 + radius * math.cos(math.radians(angle)), 60 - radius * math.sin(math.radians(angle)))
        assert picture[round(y - 0.5), round(x - 0.5)] > 0.5


def test_nothing_flickers_near_the_centre() -> None:
    """The strip is as fine at all radii: what is finer than pixels is white noise that has to become grey."""
    torus = Torus(3)
    strip = torch.rand((1, 3, *torus.strip(SIZE)), generator=torch.Generator().manual_seed(1))
    one, two = view(torus, strip, 0j, complex(math.log(1.35) / 12, 0.0))
    change, away = (one - two).abs().amax(dim=1)[0], places().real.exp()
    assert change[away < 12].quantile(0.95) < 0.8 * change[away > 12].quantile(0.95)
    assert view(torus, strip, 0j)[0][..., away < 1.5].sub(0.5).abs().max() < 0.15


@pytest.mark.parametrize("size", [(40, 100), (80, 300), (60, 150)])
def test_a_strip_of_another_size_is_the_same_picture(size: tuple[int, int]) -> None:
    def drawn(rows: int, columns: int) -> Tensor:
        return formula(torch.arange(columns)[None] / columns, torch.arange(rows)[:, None] / rows)

    assert torch.allclose(resampled(drawn(60, 150), size), drawn(*size), atol=1e-4)


@pytest.mark.parametrize("torus", TORI)
def test_a_path_closes_after_the_nearest_whole_periods(torus: Torus) -> None:
    moved = [complex(0.05 * frame, 0.02 * frame) for frame in range(101)]
    found = closed(torus, moved)
    one, other = view(torus, strip_of(torus), found[0], found[-1])
    assert psnr(one, other) > 60
    speeds = {round(abs(after - before), 9) for before, after in pairwise(found)}
    assert len(speeds) == 1
    assert abs(found[-1] - moved[-1]) <= abs(complex(torus.height, torus.width)) / 2 + 1e-9
    assert closed(torus, [0j, 0j]) == (0j, 0j)
    assert closed(torus, [0j, 0.01 + 0j])[-1] != 0


def test_the_strip_is_as_fine_in_both_directions_and_never_too_large() -> None:
    for torus in TORI:
        for size in ((1080, 1920), (2160, 3840), (8192, 8192)):
            rows, columns = torus.strip(size)
            assert rows / torus.height == pytest.approx(columns / torus.width, rel=0.01)
            assert rows * columns < 1.01 * 2**24


def test_things_are_found_on_a_strip_of_one_size_for_frames_of_any() -> None:
    small, middle, large = (
        Torus(3).growth(Torus(3).strip(size), 5) for size in ((180, 320), (1080, 1920), (2160, 3840))
    )
    assert small == (Torus(3).strip((180, 320)),) * 6  # as many as are dreamt on it, and frame 0
    for growth, size in ((middle, (1080, 1920)), (large, (2160, 3840))):
        assert growth[:5] == (growth[0],) * 5
        assert 110 < growth[0][1] / (2 * math.pi) <= 220
        assert growth[-2:] == (Torus(3).strip(size),) * 2
        assert all(after[1] <= 2 * before[1] + 4 for before, after in pairwise(growth))
