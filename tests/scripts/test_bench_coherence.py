"""The rules, the matching and the truths of bench_coherence, where the answer is known."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import pytest
import torch
import torch.nn.functional as F
from bench.coherence import comparing, rules
from bench.coherence.comparing import Subject
from bench.coherence.drawn import Counts
from bench.coherence.dreaming import Dreamer
from bench.coherence.matching import match
from bench.judge import Judge
from bench.report import Report
from torch import Tensor

from tests.moving_pictures import SIZE, panned, texture
from tests.tiny_network import TinyNetwork
from zoomdream.config import Config, load_config


def nothing(picture: Tensor, index: int) -> Tensor:
    return picture


def brighter(picture: Tensor, index: int) -> Tensor:
    return picture + 0.01


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


def tiny_config(frames: int, *words: str) -> Config:
    return load_config(
        {
            "size": [SIZE[1], SIZE[0]],
            "frames": frames,
            "fps": 4,
            "objective": [{"layer": "shapes"}],
            "performance": {"precision": "float32", "threads": 1},
        },
        ["dream.octaves=2", "dream.steps=2", "dream.jitter=4", *words],
    )


def tiny_dreamer(frames: int, *words: str) -> Dreamer:
    return Dreamer(tiny_config(frames, *words), TinyNetwork())


def test_the_judge_sees_the_energy_of_the_layer_whatever_wanders() -> None:
    picture, network = texture(3).clamp(0, 1), TinyNetwork()
    config = tiny_config(2, "dream.variety=1")
    activation = network(picture, frozenset({"shapes"}))["shapes"]
    assert Judge(config, network, diversity=0.0)(picture, 1) == pytest.approx(
        float(activation.square().mean() / 2), rel=1e-3
    )


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


def test_precision_and_recall_of_a_mask_whose_truth_is_known() -> None:
    true = torch.zeros(1, 2, 10, 10)
    flow = true.clone()
    flow[:, 0, :4] = 3.0  # 40 pixels wrong
    visible = torch.ones(1, 1, 10, 10, dtype=torch.bool)
    visible[..., 4, :] = False  # 10 more that were not in sight
    trust = torch.ones(1, 1, 10, 10)
    trust[..., 2:5, :] = 0.0  # 30 flagged, all rightly
    trust[..., 9, :] = 0.2  # 10 flagged wrongly
    counts = Counts(1.0)
    counts.add(flow, trust, true, visible)
    found = counts.figures()
    assert found["precision"] == pytest.approx(30 / 40)
    assert found["recall"] == pytest.approx(30 / 50)
    assert found["end-point error, mean"] == pytest.approx(3.0 * 40 / 90)
    assert found["truly unreliable"] == pytest.approx(0.5)
