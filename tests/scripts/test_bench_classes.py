"""The judges of bench_classes, on pictures whose class is known."""

from __future__ import annotations

import pytest
import torch
from bench.classes import judging
from torch import Tensor

from zoomdream.networks import catalog
from zoomdream.types import Layer

EMBEDDED = catalog.networks()[0]


class Reddish:
    """Knows four classes: red, green, blue and none of them."""

    name = "reddish"
    layers = (Layer("logits", 4, 1, 1.0),)

    def __call__(self, image: Tensor, wanted: frozenset[str]) -> dict[str, Tensor]:
        return {"logits": torch.cat((10 * image.mean((2, 3)), torch.full((1, 1), 2.0)), 1)}


def test_the_judge_ranks_the_wanted_class_among_all() -> None:
    picture = torch.tensor((0.9, 0.4, 0.1)).view(1, 3, 1, 1).expand(1, 3, 64, 80)
    crops = judging.fresh_crops(picture, 3)
    verdicts = [judging.judged(Reddish(), crops, number) for number in range(4)]
    assert [verdict.rank for verdict in verdicts] == [1, 2, 4, 3]
    assert sum(verdict.probability for verdict in verdicts) == pytest.approx(1)


def test_a_judge_who_cannot_tell_classes_apart_does_not_put_them_on_top() -> None:
    crops = judging.fresh_crops(torch.full((1, 3, 64, 64), 0.5), 3)
    assert judging.judged(Reddish(), crops, 0).rank == 3


def test_crops_are_fresh_within_the_picture_and_the_same_for_a_seed() -> None:
    ramp = torch.linspace(0, 1, 300).expand(1, 3, 200, 300)
    crops = judging.fresh_crops(ramp, 1)
    assert tuple(crops.shape) == (9, 3, 224, 224)
    assert torch.equal(crops, judging.fresh_crops(ramp, 1))
    assert len({round(float(crop.mean()), 4) for crop in crops}) == 9
    widths = (crops[1:, 0, 0, -1] - crops[1:, 0, 0, 0]).abs()
    assert 0.45 < float(widths.min()) < float(widths.max()) < 0.68  # 3/4 to all of the shorter edge
