"""Weights files for torchvision's classifiers: the user's own, older ones, other networks', and real ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from zoomdream.errors import InputError
from zoomdream.networks import torchvision_zoo
from zoomdream.networks.classes import find_class


@pytest.fixture
def picture() -> Tensor:
    return torch.rand((1, 3, 96, 80), generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize(("name", "classes"), [("squeezenet1_1", 1000), ("mnasnet0_5", 7), ("shufflenet_v2_x0_5", 3)])
def test_local_weights_give_the_network_that_was_saved(
    tmp_path: Path, picture: Tensor, name: str, classes: int, suffix: str
) -> None:
    built = torchvision_zoo._build(name, classes, "cpu")
    path = tmp_path / f"weights{suffix}"
    (torch.save if suffix == ".pth" else safetensors.torch.save_file)(built.state_dict(), path)
    loaded = torchvision_zoo.load(name, path)
    found = loaded(picture, frozenset({"logits"}))["logits"]
    assert found.shape == (1, classes)
    expected = torchvision_zoo.opened(name, built, classes)(picture, frozenset({"logits"}))["logits"]
    assert torch.equal(found, expected)
    assert loaded.layers[-1].channels == classes


def test_old_names_and_the_heads_of_training_are_understood(tmp_path: Path) -> None:
    stored = torchvision_zoo._build("densenet121", 1000, "cpu").state_dict()
    old = {f"module.{key}".replace(".norm1.", ".norm.1."): tensor for key, tensor in stored.items()}
    torch.save(old, tmp_path / "densenet.pth")
    assert torchvision_zoo.load("densenet121", tmp_path / "densenet.pth").name == "torchvision/densenet121"
    stored = torchvision_zoo._build("googlenet", 1000, "cpu").state_dict()
    torch.save({**stored, "aux1.fc1.bias": torch.zeros(1024)}, tmp_path / "googlenet.pth")
    assert torchvision_zoo.load("googlenet", tmp_path / "googlenet.pth").name == "torchvision/googlenet"


def test_weights_of_another_network_name_the_first_difference(tmp_path: Path) -> None:
    tensors = torchvision_zoo._build("squeezenet1_1", 1000, "cpu").state_dict()
    path = tmp_path / "weights.pth"
    wrong = {
        "classifier.1.weight": {key: value for key, value in tensors.items() if key != "classifier.1.weight"},
        "features.0.weight": {**tensors, "features.0.weight": torch.zeros(96, 3, 7, 7)},
        "extra.weight": {**tensors, "extra.weight": torch.zeros(2)},
    }
    for name, content in wrong.items():
        torch.save(content, path)
        with pytest.raises(InputError, match="another network") as caught:
            torchvision_zoo.load("squeezenet1_1", path)
        assert repr(name) in str(caught.value)
        assert str(path) in str(caught.value)


@pytest.mark.assets
def test_the_real_squeezenet_knows_the_photos(assets: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    numpy = pytest.importorskip("numpy")
    network = torchvision_zoo.load("squeezenet1_1", assets / "weights" / "squeezenet1_1_torchvision_layout.pth")
    for photo, wanted in (("kodim23_parrots", "macaw"), ("kodim22_barn_trees", "barn")):
        with image.open(assets / "photos" / f"{photo}.png") as opened:
            pixels = numpy.asarray(opened.convert("RGB").resize((336, 224), image.Resampling.BICUBIC)).copy()
        picture = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255
        best = network(picture, frozenset({"logits"}))["logits"].topk(3).indices[0].tolist()
        assert find_class(network, wanted) in best
