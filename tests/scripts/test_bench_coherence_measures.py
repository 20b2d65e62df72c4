"""The measures of bench_coherence, on pictures whose answer is known."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from bench.coherence import measures
from torch import Tensor

from tests.moving_pictures import SIZE, panned, texture


def noise(seed: int, deviation: float) -> Tensor:
    return deviation * torch.randn((1, 3, *SIZE), generator=torch.Generator().manual_seed(seed))


def with_flow(judged: measures.Judged, factor: float) -> measures.Judged:
    return [None if found is None else (factor * found[0], found[1]) for found in judged]


def test_a_still_clip_that_is_dreamt_identically_has_no_error() -> None:
    """But for Farneback's bias of some hundredths of a pixel along the border."""
    judged = measures.judge([texture(1)] * 3)
    assert measures.coverage(judged) > 0.95
    assert measures.e_warp([texture(2)] * 3, judged) < 1e-5
    no_motion = [(0 * found[0], found[1]) for found in judged if found is not None]
    assert measures.e_warp([texture(2)] * 3, no_motion) < 1e-12


def test_flicker_of_deviation_s_is_an_error_of_two_s_squared() -> None:
    judged = measures.judge([texture(1)] * 4)
    flickering = [texture(2) + noise(seed, 0.1) for seed in range(4)]
    assert measures.e_warp(flickering, judged) == pytest.approx(2 * 0.1**2, rel=0.03)


@pytest.mark.parametrize(("right", "down"), [(3, 0), (-2, 1), (0, -4)])
def test_the_judge_finds_a_pan_and_the_error_leaves_it_out(right: int, down: int) -> None:
    frames = panned(3, right, down)
    judged = measures.judge(frames)
    flow, mask = judged[0] or pytest.fail("no cut was given")
    middle = flow[0, :, 20:-20, 20:-20].flatten(1)
    assert middle.median(dim=1).values.tolist() == pytest.approx([-right, -down], abs=0.1)
    assert mask.mean() > 0.7
    dreams = panned(3, right, down, seed=9)  # another texture that moves with the source
    still = measures.e_warp([dreams[0]] * 3, judged)
    assert measures.e_warp(dreams, judged) < 0.02 * still


def test_a_negated_flow_is_worse_than_none_and_none_is_worse_than_the_true_one() -> None:
    frames = panned(3, 2, 1)
    judged = measures.judge(frames)
    true, none, negated = (measures.e_warp(frames, with_flow(judged, factor)) for factor in (1, 0, -1))
    assert 20 * true < none < negated


def test_strength_is_the_geometric_mean_of_the_gains() -> None:
    sources = [torch.full((1, 3, 4, 4), value) for value in (0.1, 0.2)]
    outputs = [0.4 + 0 * sources[0], 0.2 + 0 * sources[1]]
    assert measures.strength(sources, sources, lambda picture: picture.mean()) == pytest.approx(1)
    assert measures.strength(outputs, sources, lambda picture: float(picture.mean())) == pytest.approx(2)
    by_second = measures.strength_by_second(outputs, sources, lambda picture: picture.mean(), rate=1)
    assert by_second == pytest.approx([4, 1])


def test_sharpness_doubles_with_contrast_and_falls_with_blur() -> None:
    picture = texture(3)
    sharp = measures.sharpness([picture])
    assert measures.sharpness([0.5 + 2 * (picture - 0.5)]) == pytest.approx(2 * sharp, rel=1e-4)
    assert measures.sharpness([F.avg_pool2d(picture, 3, 1)]) < 0.95 * sharp
    ramp = torch.linspace(0, 1, 11).expand(1, 3, 11, 11)
    assert measures.sharpness([ramp]) == pytest.approx(0.1)


def test_drift_is_relative_to_the_sources_own() -> None:
    sources = [(0.5 + 0.04 * index) * texture(1) for index in range(12)]  # somebody turns up the light
    dreams = [1.3 * source for source in sources]
    assert measures.drift(dreams, sources, rate=3) == pytest.approx({"brightness": 0, "contrast": 0}, abs=1e-5)
    rising = [source * 1.05**index for index, source in enumerate(sources)]
    found = measures.drift(rising, sources, rate=3)  # second second: frames 3 to 5, last: 9 to 11
    assert found["contrast"] == pytest.approx(1.05**6 - 1, abs=0.01)
