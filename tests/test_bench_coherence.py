"""The measures, rules and matching of bench_coherence, on pictures whose answer is known; and all of it once, small."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from benchmarks.report import Report
from coherence import clips, comparing, measures, rules, tables
from coherence.comparing import Subject
from coherence.dreaming import Dreamer
from coherence.matching import match
from tiny_network import TinyNetwork
from torch import Tensor

from zoomdream.config import load_config
from zoomdream.plan import make_plan

SIZE = (64, 96)


def texture(seed: int, size: tuple[int, int] = SIZE) -> Tensor:
    """Smooth enough to be moved, rich enough to be tracked."""
    noise = torch.rand((1, 3, *size), generator=torch.Generator().manual_seed(seed))
    smooth = F.avg_pool2d(F.pad(noise, (4, 4, 4, 4), mode="reflect"), 5, 1)
    smooth = F.avg_pool2d(smooth, 5, 1)
    return (smooth - smooth.mean()) * 3 + 0.5


def panned(frames: int, right: int, down: int, seed: int = 1) -> list[Tensor]:
    """What is in the picture moves right and down by whole pixels per frame; new things come in over the border."""
    height, width = SIZE
    reach = 8 * frames
    wide = texture(seed, (height + reach, width + reach))
    return [
        wide[..., reach // 2 - index * down :, reach // 2 - index * right :][..., :height, :width]
        for index in range(frames)
    ]


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


def test_pairs_across_cuts_do_not_count() -> None:
    frames = [texture(1)] * 3 + [texture(2)] * 3
    judged = measures.judge(frames, cuts=[3])
    assert [found is None for found in judged] == [False, False, True, False, False]
    assert measures.e_warp(frames, judged) < 1e-5
    assert math.isnan(measures.pair_errors(frames, judged)[2])
    assert math.isnan(measures.e_warp(frames[2:4], measures.judge(frames[2:4], cuts=[1])))


def test_what_comes_in_over_the_border_is_not_trusted() -> None:
    flow = torch.zeros(1, 2, 20, 30)
    flow[:, 0] = -4.0  # moves right: the four columns at the left were not there before
    mask = measures.trusted(flow, -flow)
    assert mask[..., 4:].all()
    assert not mask[..., :4].any()


def test_contradicting_flows_and_borders_of_motions_are_not_trusted() -> None:
    flow = torch.zeros(1, 2, 20, 30)
    opposite = flow.clone()
    opposite[:, 1, 5:9, 5:9] = 1.0  # goes somewhere else than it came from
    mask = measures.trusted(flow, opposite)
    assert not mask[..., 5:9, 5:9].any()
    assert mask.sum() == 20 * 30 - 16
    flow[:, 0, :, 15:] = 1.0
    border = measures.trusted(flow, -flow)[0, 0, 5:-5, 2:-2] == 0
    assert border.any(dim=0).nonzero().flatten().tolist() == [14 - 2]  # the column before the jump


def test_strength_is_the_geometric_mean_of_the_gains() -> None:
    sources = [torch.full((1, 3, 4, 4), value) for value in (0.1, 0.2)]
    outputs = [0.4 + 0 * sources[0], 0.2 + 0 * sources[1]]
    assert measures.strength(sources, sources, lambda picture: picture.mean()) == pytest.approx(1)
    assert measures.strength(outputs, sources, lambda picture: float(picture.mean())) == pytest.approx(2)


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


def nothing(picture: Tensor, index: int) -> Tensor:
    return picture


def brighter(picture: Tensor, index: int) -> Tensor:
    return picture + 0.01


@pytest.mark.parametrize("rule", [rules.frame_by_frame, *rules.RULES.values()])
def test_a_rule_that_dreams_nothing_gives_a_still_clip_back(rule: rules.Rule) -> None:
    sources = [texture(1).clamp(0, 1)] * 3
    for output, source in zip(rule(sources, nothing), sources, strict=True):
        assert torch.allclose(output, source, atol=1e-5)


@pytest.mark.parametrize(
    ("rule", "after_two", "in_the_end"),
    [
        (rules.frame_by_frame, 0.01, 0.01),
        (rules.linear_blend, 0.01 * 1.15, 0.01 / 0.85),
        (rules.negated_residual, 0.02, 0.12),  # it runs away: twelve frames of it
        (rules.half_masked_warp, 0.01 * 1.5, 0.01 / 0.5),
    ],
)
def test_how_much_of_the_dream_adds_up_over_time(rule: rules.Rule, after_two: float, in_the_end: float) -> None:
    sources = [texture(1).clamp(0.1, 0.8)] * 12
    added = [float((output - sources[0]).mean()) for output in rule(sources, brighter)]
    assert added[1] == pytest.approx(after_two, rel=1e-3)
    assert added[-1] == pytest.approx(in_the_end, rel=1e-2)


@pytest.mark.parametrize("rule", [rules.negated_residual, rules.half_masked_warp])
def test_rules_with_flow_move_the_dream_with_the_picture(rule: rules.Rule) -> None:
    """Half as much error as the rule without flow at the least, for a dream that is a pattern drawn once."""
    sources = panned(2, 4, 0)
    pattern = 0.2 * (texture(7) - 0.5)

    def once(picture: Tensor, index: int) -> Tensor:
        return picture + pattern if index == 0 else picture

    moved, true = rule(sources, once)[1] - sources[1], F.pad(pattern, (4, 0))[..., : SIZE[1]]
    share = 1 if rule is rules.negated_residual else 0.5
    inner = (..., slice(8, -8), slice(12, -12))
    off = (moved[inner] - share * true[inner]).square().mean().sqrt()
    assert off < 0.2 * (share * true[inner]).std()


def test_the_masked_rule_carries_nothing_where_the_picture_has_changed() -> None:
    before = texture(1).clamp(0, 0.6)
    now = before.clone()
    now[..., 20:44, 30:60] = 1.0  # more than 30 grey levels
    outputs = rules.half_masked_warp([before, now], lambda picture, index: picture + 0.1 * (index == 0))
    added = (outputs[1] - now)[0].mean(dim=0)
    assert float(added[28:36, 40:50].abs().max()) < 1e-5
    assert float(added[:10, :10].mean()) == pytest.approx(0.05, rel=0.05)


@pytest.mark.parametrize("start", [1e-3, 0.1])
@pytest.mark.parametrize(
    "law",
    [
        lambda step: 1 + 300 * step,
        lambda step: math.exp(3 * step**0.3),
        lambda step: 1 + 9 * (1 - math.exp(-step / 0.01)),  # levels off
        lambda step: math.exp(40 * step**0.9),
    ],
)
def test_the_step_size_of_a_wanted_strength_is_found(law: Callable[[float], float], start: float) -> None:
    found = match(lambda step: [torch.tensor(law(step))], lambda outputs: float(outputs[0]), 4.0, start)
    assert found.share == pytest.approx(1, abs=0.02)
    assert found.strength == pytest.approx(law(found.step_size))
    assert found.tries <= 8


def test_a_strength_out_of_reach_is_told_by_its_share() -> None:
    found = match(lambda step: [torch.tensor(1 + step)], lambda outputs: float(outputs[0]), 4.0, 0.01)
    assert found.share < 0.5


def tiny_dreamer(frames: int, *words: str) -> Dreamer:
    config = load_config(
        {
            "size": [SIZE[1], SIZE[0]],
            "frames": frames,
            "fps": 4,
            "objective": [{"layer": "shapes"}],
            "performance": {"precision": "float32", "threads": 1},
        },
        ["dream.octaves=2", "dream.steps=2", "dream.jitter=4", *words],
    )
    return Dreamer(config, make_plan(config), TinyNetwork())


def test_a_longer_step_dreams_more_strongly() -> None:
    sources = panned(2, 1, 0)
    dreamer = tiny_dreamer(2)
    strengths = [
        measures.strength(rules.frame_by_frame(sources, dreamer.at(step, sources)), sources, dreamer.energy)
        for step in (0.0, 0.01, 0.03)
    ]
    assert strengths[0] == pytest.approx(1)
    assert strengths[0] < strengths[1] < strengths[2]


def test_fixed_jitter_makes_the_dreams_of_equal_pictures_equal() -> None:
    sources = [texture(1).clamp(0, 1)] * 3
    dreamer = tiny_dreamer(3, "dream.variety=0")
    fixed = rules.frame_by_frame(sources, dreamer.at(0.02, sources, fixed_jitter=True))
    moving = rules.frame_by_frame(sources, dreamer.at(0.02, sources))
    assert torch.equal(fixed[0], fixed[2])
    assert torch.equal(fixed[0], moving[0])
    assert not torch.equal(moving[0], moving[2])


def carrying(dreamer: Dreamer, sources: Sequence[Tensor]) -> Callable[[float | None], Sequence[Tensor]]:
    """A rule that carries 0.8 of the last dream on, at the same place."""

    def render_at(step_size: float | None) -> list[Tensor]:
        dream, outputs = dreamer.at(step_size or 0.01, sources), list[Tensor]()
        for index, source in enumerate(sources):
            start = source + 0.8 * (outputs[-1] - sources[index - 1]) if outputs else source
            outputs.append(dream(start, index))
        return outputs

    return render_at


def test_a_clip_is_compared_at_the_same_strength() -> None:
    still = texture(1).clamp(0, 1)
    sources = [still] * 5
    dreamer, found = tiny_dreamer(5, "dream.variety=0"), Report()
    subject = Subject("still", sources, Fraction(4), ())
    figures = comparing.compare(found, subject, dreamer, carrying(dreamer, sources), 0.02)
    assert set(figures["rules"]) == {rules.FRAME_BY_FRAME, *rules.RULES, "zoomdream", "zoomdream as configured"}
    for name in (*rules.RULES, "zoomdream"):
        assert figures["rules"][name]["strength over frame by frame's"] == pytest.approx(1, abs=0.02)
    assert figures["rules"][rules.FRAME_BY_FRAME]["E_warp"] < 1e-5  # still, and dreamt identically
    assert found.bars["still: strength over frame by frame's"]["holds"]
    assert len(found.bars) == 6


def test_clips_that_are_only_reported_have_no_bars() -> None:
    sources = panned(3, 1, 0)
    dreamer, found = tiny_dreamer(3), Report()
    subject = Subject("water", sources, Fraction(4), (), held=False)
    figures = comparing.compare(found, subject, dreamer, carrying(dreamer, sources), 0.02)
    assert found.bars == {}
    document = {"figures": {"rules": {"water": figures}}}
    assert "frame by frame" in tables.to_text(document)
    assert "| zoomdream |" in tables.to_markdown(document)


def test_what_is_carried_across_a_cut_is_seen() -> None:
    sources = [*panned(3, 1, 0, seed=1), *panned(3, 1, 0, seed=5)]
    subject = Subject("two shots", sources, Fraction(4), (3,))

    def careless(pictures: Sequence[Tensor], cut: int) -> Sequence[Tensor]:
        outputs: list[Tensor] = []
        for picture in pictures:
            outputs.append(picture + 0.1 * (outputs[-1] if outputs else 0))
        return outputs

    assert comparing.carried_across(subject, 3, careless) > 0.01
    assert comparing.carried_across(subject, 3, lambda pictures, cut: pictures) == 0
    with pytest.raises(ValueError, match="past"):
        comparing.carried_across(subject, 3, lambda pictures, cut: [pictures[-1]] * len(pictures))


def test_a_written_clip_is_read_back_bit_by_bit(tmp_path: Path) -> None:
    frames = [texture(seed).clamp(0, 1).mul(255).round() / 255 for seed in range(5)]
    path = clips.write(tmp_path / "clip.mp4", frames, Fraction(30000, 1001))
    assert clips.rate(path) == Fraction(30000, 1001)
    again = clips.read(path, (SIZE[1], SIZE[0]), 100)
    assert len(again) == 5
    assert all(torch.allclose(left, right, atol=1e-6) for left, right in zip(again, frames, strict=True))
    assert len(clips.read(path, (32, 20), 2)) == 2


def test_cuts_are_found_and_pans_and_flashes_are_none() -> None:
    shots = [*panned(4, 2, 1, seed=1), *[0.5 * frame for frame in panned(4, 2, 1, seed=2)]]
    assert clips.cuts(shots) == (4,)
    assert clips.cuts(panned(6, 7, 3)) == ()
    flash = [texture(1), texture(1), texture(1) + 0.4, texture(1), texture(1)]
    assert clips.cuts(flash) == ()
