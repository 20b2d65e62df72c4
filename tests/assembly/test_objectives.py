"""Objectives from the YAML to the picture: classes, guides, several networks, and what is told where they are wrong."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.made_clips import encode, numbered
from tests.test_pipeline import PLAN, configured
from tests.tiny_network import TinyNetwork
from zoomdream import assembly, pipeline
from zoomdream.config import Config
from zoomdream.errors import ConfigError, InputError
from zoomdream.networks import catalog
from zoomdream.types import Layer


class Classifier(TinyNetwork):
    """The tiny network with 1000 classes: it knows the mean of its shapes in so many mixtures."""

    layers = (*TinyNetwork.layers, Layer("logits", 1000, 4, 1.0))

    def __init__(self) -> None:
        super().__init__()
        self.mixtures = torch.randn(1000, 12, generator=torch.Generator().manual_seed(4))

    def forward(self, image: Tensor, wanted: frozenset[str]) -> dict[str, Tensor]:
        self.asked.append(wanted)
        found = super().forward(image, wanted - {"logits"} | ({"shapes"} if "logits" in wanted else set()))
        self.asked.pop()
        if "logits" in wanted:
            found["logits"] = found["shapes"].mean((2, 3)) @ self.mixtures.to(image).T
        return found


def last(config: Config, network: TinyNetwork | None = None) -> Tensor:
    with closing(assembly.open_stages(config, PLAN, network or Classifier())) as stages:
        *_, state = pipeline.frames(stages, None, config.frames)
    return state.picture


def logit(picture: Tensor, number: int) -> float:
    with torch.no_grad():
        return float(Classifier()(picture, frozenset({"logits"}))["logits"][0, number])


STILL = {"camera": {"zoom": 1, "rotate": 0}, "frames": 8}


def test_a_class_is_seen_more_in_its_own_dream_than_in_that_of_another() -> None:
    banana, ant = (last(configured(objective=[{"class": name}], **STILL)) for name in ("banana", "ant"))
    assert logit(banana, 954) > logit(ant, 954)
    assert logit(ant, 310) > logit(banana, 310)


def test_a_class_may_be_a_name_a_number_or_a_synonym() -> None:
    pictures = [last(configured(objective=[{"class": one}], frames=1)) for one in ("goldfish", 1, "Carassius auratus")]
    assert torch.equal(pictures[0], pictures[1])
    assert torch.equal(pictures[0], pictures[2])


def test_people_are_told_the_names_of_classes_and_layers() -> None:
    config = configured(objective=[{"class": [1, "ant"]}, {"layer": "shapes"}, {"class": "goldfish"}])
    assert assembly.target_names(config, Classifier()) == ("goldfish", "ant", "shapes")


def test_a_class_that_is_named_as_a_layer_is_told_to_be_one() -> None:
    with pytest.raises(ConfigError, match=r"no layer 'goldfish', but such a class\. Write class: goldfish\."):
        assembly.target_names(configured(objective="goldfish"), Classifier())
    with pytest.raises(ConfigError, match="Write class: goldfish"):
        assembly.target_names(configured(objective="goldfisch"), Classifier())


def test_a_film_walks_from_class_to_class() -> None:
    weights = [{"keys": {"0f": 1, "4f": 1, "6f": 0}}, {"keys": {"4f": 0, "6f": 1}}]
    objective = [{"class": name, "weight": weight} for name, weight in zip(("banana", "ant"), weights, strict=True)]
    config = configured(objective=objective, **{**STILL, "frames": 14})
    states = list(pipeline.frames(assembly.open_stages(config, PLAN, Classifier()), None, 14))
    assert logit(states[13].picture, 310) > logit(states[4].picture, 310)
    assert logit(states[13].picture, 954) < logit(states[4].picture, 954)


def test_classes_out_of_noise_have_defaults_of_their_own_and_nothing_else_has() -> None:
    plain = configured(objective=[{"layer": "shapes"}], dream={}).dream
    banana = configured(objective=[{"class": "banana"}], dream={"turn": 3}).dream
    mixed = configured(objective=[{"class": "banana"}, {"layer": "shapes"}], dream={}).dream
    assert plain == mixed
    assert plain.turn.constant == plain.blur.constant == 0
    assert banana.turn.constant == 3
    assert banana.stretch.constant == 0.1
    assert banana.noise.constant == 0


def test_a_config_of_classes_loads_again_to_itself() -> None:
    objective = [{"class": ["banana", 3]}, {"layer": "shapes", "channels": ["2-5", 7], "pick": "weakest 2"}]
    config = configured(objective=[*objective, {"layer": "edges", "at": [0.5, 1], "network": "dreamnet"}])
    assert config.objective[1].channels == (2, 3, 4, 5, 7)
    assert configured(**config.tree()) == config


def guide_picture(path: Path, number: int) -> Path:
    """Upright stripes of red and black, or lying ones of blue and white."""
    stripes = (np.indices((48, 64))[1 - number] // 4 % 2)[..., None]
    colors = ([230, 20, 20], [0, 0, 0]) if number == 0 else ([30, 60, 230], [255, 255, 255])
    Image.fromarray(np.uint8(np.where(stripes == 0, *np.array(colors)))).save(path)
    return path


@pytest.mark.parametrize("match", ["places", "channels"])
def test_a_dream_takes_after_its_own_guide_more_than_after_another(tmp_path: Path, match: str) -> None:
    paths = [guide_picture(tmp_path / f"{number}.png", number) for number in range(2)]
    terms = [{"layer": "shapes", "guide": str(path), "match": match} for path in paths]
    dreams = [last(configured(objective=[term], **STILL)) for term in terms]

    def likeness(picture: Tensor, path: Path) -> float:
        seen = torch.from_numpy(np.array(Image.open(path))).permute(2, 0, 1)[None] / 255
        mine, its = (Classifier()(one, frozenset({"shapes"}))["shapes"].flatten(2)[0] for one in (picture, seen))
        if match == "channels":
            return float(mine.mean(1) @ its.mean(1) / its.mean(1).norm())
        return float((mine.T @ its).amax(1).mean())

    own = sum(likeness(picture, path) for picture, path in zip(dreams, paths, strict=True))
    other = sum(likeness(picture, path) for picture, path in zip(dreams, reversed(paths), strict=True))
    assert own > other


def test_a_clip_guides_with_the_frame_that_is_on_screen(tmp_path: Path) -> None:
    clip = encode(tmp_path / "guide.mkv", numbered(6))
    term = {"layer": "shapes", "guide": str(clip)}
    config = configured(objective=[term], frames=8)
    with closing(assembly.open_stages(config, PLAN, Classifier())) as stages:
        whole = list(pipeline.frames(stages, None, 8))
    with closing(assembly.open_stages(config, PLAN, Classifier())) as stages:
        rest = list(pipeline.frames(stages, whole[3], 8))
    assert all(torch.equal(one.picture, other.picture) for one, other in zip(whole[4:], rest, strict=True))
    still = encode(tmp_path / "still.mkv", numbered(6)[:1].repeat(6, 0))
    held = configured(objective=[{**term, "guide": str(still)}], frames=8)
    with closing(assembly.open_stages(held, PLAN, Classifier())) as stages:
        first, second = list(pipeline.frames(stages, None, 8))[:2]
    assert torch.equal(first.picture, whole[0].picture)
    assert not torch.equal(second.picture, whole[1].picture)


def test_a_guide_that_is_missing_is_told_with_its_line(tmp_path: Path) -> None:
    config = configured(objective=[{"layer": "shapes", "guide": str(tmp_path / "none.jpg")}])
    with pytest.raises(InputError, match=r"objective\.0\.guide: .*none\.jpg does not exist"):
        assembly.open_stages(config, PLAN, Classifier())


class TestSeveralNetworks:
    @pytest.fixture
    def opened(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, Classifier]:
        """The networks that are opened by name, each with weights of its own."""
        found: dict[str, Classifier] = {}

        def open_network(name: str, weights: Path | None) -> Classifier:
            assert name not in found, "each is opened once"
            found[name] = Classifier()
            with torch.no_grad():
                found[name].first.mul_(-1)
            return found[name]

        monkeypatch.setattr(catalog, "open_network", open_network)
        return found

    def test_a_term_may_have_a_network_of_its_own(self, opened: dict[str, Classifier]) -> None:
        main = Classifier()
        objective = [
            {"layer": "edges"},
            {"class": "ant", "network": "googlenet"},
            {"layer": "shapes", "network": {"name": "googlenet"}},
        ]
        both = last(configured(objective=objective, frames=2), main)
        assert set(main.asked) == {frozenset({"edges"})}
        assert set(opened) == {"googlenet"}
        assert set(opened["googlenet"].asked) == {frozenset({"logits", "shapes"})}
        assert not torch.allclose(both, last(configured(objective=objective[:1], frames=2), Classifier()), atol=1e-3)

    def test_the_configs_own_network_is_not_opened_again(self, opened: dict[str, Classifier]) -> None:
        objective = [{"layer": "edges"}, {"layer": "shapes", "network": "dreamnet"}]
        named = last(configured(objective=objective, frames=2))
        assert not opened
        assert torch.equal(named, last(configured(objective=[{"layer": "edges"}, {"layer": "shapes"}], frames=2)))

    def test_all_networks_are_told_with_the_fingerprint(self) -> None:
        objective = [{"layer": "a", "network": {"name": "googlenet", "weights": "x.pth"}}, {"layer": "b"}]
        config = configured(objective=objective)
        assert assembly.named_networks(config) == (("dreamnet", None), ("googlenet", Path("x.pth").absolute()))


@pytest.mark.parametrize(
    ("term", "told"),
    [
        ({"class": "bananna"}, ["objective.0.class: tiny has no class 'bananna'", "did you mean banana"]),
        ({"class": 1000}, ["objective.0.class: tiny has no class 1000", "0 to 999"]),
        ({"class": ["goldfish", 1]}, ["objective.0.class", "twice, by two of its names"]),
        ({"layer": "shpaes"}, ["objective.0.layer: tiny has no layer 'shpaes'", "shapes"]),
        ({"layer": "shapes, a"}, ["objective.0.layer", "a list: [shapes, a]."]),
        ({"layer": "shapes + a"}, ["a list: [shapes, a]."]),
        ({"class": "cat, banana"}, ["objective.0.class", "a list: [cat, banana]."]),
        ({"layer": "dogs"}, ["has no layer 'dogs'. Write class: Maltese dog, ", "Only birds"]),
        ({"class": "dog"}, ["Maltese dog (153), Tibetan terrier (200), "]),
        ({"layer": "shapes", "channels": ["10-12"]}, ["objective.0.channels", "0 to 11"]),
        ({"layer": "a", "network": "googelnet"}, ["objective.0.network.name", "'googelnet'", "googlenet"]),
    ],
)
def test_what_the_network_does_not_have_is_told_with_its_key_and_the_nearest(
    term: dict[str, object], told: list[str]
) -> None:
    with pytest.raises(ConfigError) as error:
        assembly.open_stages(configured(objective=[term]), PLAN, Classifier())
    assert all(part in str(error.value) for part in told), str(error.value)


def test_a_network_without_a_classifier_says_so() -> None:
    with pytest.raises(ConfigError, match=r"objective\.0\.class: .* no classifier"):
        assembly.open_stages(configured(objective=[{"class": "banana"}]), PLAN, TinyNetwork())


def test_pick_and_place_reach_the_picture() -> None:
    plain = last(configured(frames=2))
    for term in ({"pick": "strongest 1"}, {"pick": "average 3"}, {"at": [0.2, 0.8]}):
        assert not torch.allclose(plain, last(configured(objective=[{"layer": "shapes", **term}], frames=2)), atol=1e-3)
