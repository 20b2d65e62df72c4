"""The benchmark of classes: its judges and its sheet on what is known, and all of it once, very small."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from bench.classes import judging, main, pictures
from safetensors.torch import save_file
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


def test_every_prior_is_a_config_that_loads() -> None:
    plain = pictures.config_for("banana", "dreamnet", None, (64, 48), ())
    assert plain.size == (64, 48)
    assert plain.objective[0].classes == ("banana",)
    for name, changes in pictures.PRIORS.items():
        config = pictures.config_for("banana", "dreamnet", None, (64, 48), changes)
        assert (config == plain) == (name == "as configured")


def test_what_is_not_here_is_skipped_and_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ZOOMDREAM_ASSETS", raising=False)
    assert main.main(["--quick"]) == 0
    assert "skipped: googlenet: no weights" in capsys.readouterr().out


@pytest.mark.skipif(not EMBEDDED.present, reason="the embedded network's weights are not in this checkout")
def test_the_whole_benchmark_runs(tmp_path: Path) -> None:
    from torchvision.models import squeezenet1_1

    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_file(squeezenet1_1(weights=None).state_dict(), tmp_path / "judge.safetensors")
    page = tmp_path / "page.md"
    page.write_text(
        "# Page\n<!-- bench_classes -->\nof an earlier run\n<!-- /bench_classes -->\nend\n", encoding="utf-8"
    )
    words = ["--quick", "--network", "dreamnet", "--judge", tmp_path / "judge.safetensors", "--threads", "1"]
    less = [f"--set=dream.{key}" for key in ("steps=1", "octaves=1", "warmup=0")]
    outputs = ["--json", tmp_path / "all.json", "--markdown", page, "--sheet", tmp_path / "sheet.webp"]
    assert main.main([*map(str, [*words, *less, *outputs]), "--class", "banana"]) == 0
    document = json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))
    assert set(document["figures"]["classes"]) == {"banana"}
    assert set(document["figures"]["priors"]) == {"as configured", "no blur", "no views"}
    assert len(document["bars"]) == 2
    assert document["figures"]["seconds per picture"]["median"] > 0
    text = page.read_text(encoding="utf-8")
    assert "in the top 5 of torchvision/squeezenet1_1" in text
    assert "of an earlier run" not in text
    assert (tmp_path / "sheet.webp").stat().st_size > 500
