"""Finding classes by number, name and synonym, and what it says when that fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import Tensor

from zoomdream.errors import ConfigError
from zoomdream.networks import catalog, classes, dreamnet
from zoomdream.networks.classes import find_class
from zoomdream.types import Layer


class Paper:
    """A network of which only name and layers matter."""

    def __init__(self, name: str, layers: tuple[Layer, ...] | None = None) -> None:
        self.name = name
        self.layers = catalog.layers_of(name) if layers is None else layers

    def __call__(self, image: Tensor, wanted: frozenset[str]) -> dict[str, Tensor]:
        return {}


GOOGLENET = Paper("googlenet")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (954, 954),
        ("954", 954),
        (0, 0),
        (999, 999),
        ("banana", 954),
        (" Banana ", 954),
        ("dumbbell", 543),
        ("parachute", 701),
        ("chute", 701),
        ("anemone fish", 393),
        ("anemone_fish", 393),
        ("measuring cup", 647),
        ("screw", 783),
        ("lighthouse", 437),
        ("beacon", 437),
        ("jack-o'-lantern", 607),
        ("goldfish", 1),
        ("Carassius auratus", 1),
        ("Cardigan", 264),
        ("cardigan", 474),
        ("CARDIGAN Welsh Corgi", 264),
        ("crane bird", 134),
        ("missile", 657),
        ("tabby", 281),
    ],
)
def test_a_class_is_found_by_number_name_and_synonym(wanted: int | str, expected: int) -> None:
    assert find_class(GOOGLENET, wanted) == expected


def test_every_name_finds_its_class_or_is_shared() -> None:
    known = classes.names(GOOGLENET)
    assert known is not None
    assert len(known) == 1000
    shared = set()
    for word in {word for words in known for word in words}:
        found = classes._search(known, word)
        assert all(word in known[number] for number in found)
        assert found
        if len(found) > 1:
            shared.add(word)
    assert {"crane", "panda", "maillot"} <= shared
    assert len(shared) < 20


def test_a_shared_name_lists_the_classes_that_it_names() -> None:
    with pytest.raises(ConfigError, match=r"'panda' names 2 classes of googlenet: 387 \(lesser panda, .*388 \(giant"):
        find_class(GOOGLENET, "panda")


@pytest.mark.parametrize("wanted", [-1, 1000, "1000", "-3", True])
def test_a_number_out_of_range_is_told_the_range(wanted: int | str) -> None:
    with pytest.raises(ConfigError, match=r"has no class .*; its 1000 classes are 0 to 999"):
        find_class(GOOGLENET, wanted)


@pytest.mark.parametrize(
    ("wanted", "near"),
    [("bananna", "banana (954)"), ("dumbell", "dumbbell (543)"), ("fish", "(393)"), ("", "("), ("x" * 500, "(")],
)
def test_an_unknown_name_is_answered_with_the_nearest(wanted: str, near: str) -> None:
    with pytest.raises(ConfigError, match="did you mean") as caught:
        find_class(GOOGLENET, wanted)
    assert near in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "wanted", "expected"),
    [
        ("dreamnet", "banana", 954),
        ("torchvision/resnet18", "banana", 954),
        ("googlenet-places205", "volcano", 197),
        ("googlenet-places205", "apartment building", 13),
        ("googlenet-places365", "bakery", 31),
        ("googlenet-places365", "church/outdoor", 91),
        ("googlenet-places365", "zen garden", 364),
        ("inception5h", "kit fox", 1),
        ("inception5h", "dumbbell", 1000),
        ("inception5h", 1007, 1007),
    ],
)
def test_each_network_has_its_own_classes(name: str, wanted: int | str, expected: int) -> None:
    assert find_class(Paper(name), wanted) == expected


def test_inception5h_has_every_class_of_imagenet_once() -> None:
    usual, own = classes.names(GOOGLENET), classes.names(Paper("inception5h"))
    assert usual is not None
    assert own is not None
    assert len(own) == 1008
    assert sorted(words for words in own if words) == sorted(usual)
    assert own[0] == ()
    assert own[1001:] == ((),) * 7


def test_the_usual_names_are_those_of_torchvision() -> None:
    models = pytest.importorskip("torchvision.models")
    categories = models.ResNet18_Weights.DEFAULT.meta["categories"]
    known = classes.names(GOOGLENET)
    assert known is not None
    odd = {number for number, words in enumerate(known) if words[0] != categories[number]}
    assert odd == {134, 639}, "torchvision tells apart the two cranes and the two maillots"


def test_unnamed_classes_and_missing_classifiers_are_explained() -> None:
    tuned = Paper("torchvision/resnet18", (Layer("logits", 7, 32, 1.0),))
    assert find_class(tuned, 6) == 6
    assert classes.describe(tuned, 6) == "class 6"
    with pytest.raises(ConfigError, match="not known here, so 'banana' cannot be found; give a number from 0 to 6"):
        find_class(tuned, "banana")
    with pytest.raises(ConfigError, match="have no classifier"):
        find_class(Paper("googlenet", GOOGLENET.layers[:-2]), "banana")


def test_a_class_is_described_by_its_usual_name() -> None:
    assert classes.describe(GOOGLENET, 701) == "parachute"
    assert classes.describe(Paper("inception5h"), 0) == "class 0"


def test_the_lists_travel_with_their_licence() -> None:
    data = Path(dreamnet.__file__).parent.parent / "data"
    text = (data / "imagenet_classes.txt").read_text("utf-8")
    assert "Apache License 2.0, see imagenet_classes.LICENSE" in text
    assert "Version 2.0, January 2004" in (data / "imagenet_classes.LICENSE").read_text("utf-8")
