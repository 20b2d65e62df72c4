"""The catalog: opening networks by name, finding layers, and what it says when that fails."""

from __future__ import annotations

import os
import sys
from math import prod
from pathlib import Path

import pytest
import torch
from torch import Tensor

from zoomdream.errors import ConfigError, InputError
from zoomdream.networks import catalog
from zoomdream.networks.googlenet_layers import PLACES205, layers, tensor_shapes
from zoomdream.networks.weights import download
from zoomdream.networks.weights.addresses import WEIGHTS
from zoomdream.types import Layer


class Paper:
    """A network of which only the names matter."""

    name = "googlenet"
    layers = layers()

    def __call__(self, image: Tensor, wanted: frozenset[str]) -> dict[str, Tensor]:
        return {}


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "cache" / "zoomdream"


@pytest.fixture
def googlenet_file(tmp_path: Path) -> Path:
    path = tmp_path / "googlenet.pth"
    torch.save({name: torch.rand(shape) / prod(shape[1:]) for name, shape in tensor_shapes().items()}, path)
    return path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mixed4c", "mixed4c"),
        ("inception_4c/output", "mixed4c"),
        ("inception_4c_output", "mixed4c"),
        ("inception4c", "mixed4c"),
        ("4C", "mixed4c"),
        (" Mixed4c ", "mixed4c"),
        ("inception_3b/5x5_reduce", "mixed3b_5x5_reduce"),
        ("mixed4d_3x3_bottleneck", "mixed4d_3x3_reduce"),
        ("mixed4d_3x3_bottleneck_pre_relu", "mixed4d_3x3_reduce_pre_relu"),
        ("mixed5a_pool_reduce", "mixed5a_pool_proj"),
        ("conv1/7x7_s2", "conv1"),
        ("conv2/3x3", "conv2"),
        ("conv2d0_pre_relu", "conv1_pre_relu"),
        ("conv1/relu_7x7", "conv1"),
        ("inception_3b_relu_5x5_reduce", "mixed3b_5x5_reduce"),
        ("mixed4d_3x3_bottleneck_pre_relu_conv", "mixed4d_3x3_reduce_pre_relu"),
        ("pool1/norm1", "norm1"),
        ("localresponsenorm1", "norm2"),
        ("pool3/3x3_s2", "pool3"),
        ("maxpool10", "pool4"),
        ("inception_4e/pool", "mixed4e_pool"),
        ("pool5/7x7_s1", "pool5"),
        ("loss3/classifier", "logits"),
        ("softmax2_pre_activation", "logits"),
    ],
)
def test_a_layer_is_found_by_every_name_people_know(name: str, expected: str) -> None:
    assert catalog.find_layer(Paper(), name).name == expected


def test_every_canonical_name_and_alias_finds_its_own_layer() -> None:
    for layer in layers():
        assert all(catalog.find_layer(Paper(), name) is layer for name in (layer.name, *layer.aliases))


@pytest.mark.parametrize("name", ["mixed4f", "inception_4c/outputs", "banana", "", "x" * 500])
def test_an_unknown_layer_is_answered_with_three_that_exist(name: str) -> None:
    with pytest.raises(ConfigError, match="zoomdream layers googlenet") as caught:
        catalog.find_layer(Paper(), name)
    offered = str(caught.value).split("did you mean ")[1].split("?")[0].split(", ")
    assert len(set(offered)) == 3
    assert set(offered) <= {layer.name for layer in layers()}


def test_a_slip_of_the_pen_is_understood() -> None:
    with pytest.raises(ConfigError, match="did you mean mixed4d_3x3_reduce,"):
        catalog.find_layer(Paper(), "mixed4d_3x3_redcue")


def test_weights_without_a_classifier_say_so_when_asked_for_classes() -> None:
    class Trunk(Paper):
        layers = layers()[:-2]

    with pytest.raises(ConfigError, match="came without the classifier, so they have no 'loss3/classifier'"):
        catalog.find_layer(Trunk(), "loss3/classifier")


def test_channels_are_checked_against_the_layer() -> None:
    layer = Layer("mixed4c", 512, 16, 0.5)
    catalog.check_channels(layer, None)
    catalog.check_channels(layer, (0, 511))
    for channel in (512, -1):
        with pytest.raises(ConfigError, match=f"mixed4c has no channel {channel}; .* 0 to 511"):
            catalog.check_channels(layer, (3, channel))


def test_the_minimum_edge_grows_with_the_stride_and_fits_a_cell() -> None:
    edges = [catalog.minimum_edge(layer) for layer in layers() if layer.name.startswith("mixed")]
    assert edges == sorted(edges)
    assert all(catalog.minimum_edge(layer) >= layer.stride for layer in layers())


def test_an_unknown_network_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'googlenet'"):
        catalog.open_network("googlnet", None)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("resnet50", "torchvision/resnet50"),
        ("torchvision/resnt50", "torchvision/resnet50"),
        ("Torchvision/VGG16", "torchvision/vgg16"),
        ("google-net", "googlenet"),
        ("inception_v3", "torchvision/inception_v3"),
    ],
)
def test_names_of_torchvision_are_understood(name: str, nearest: str) -> None:
    with pytest.raises(ConfigError, match=f"did you mean '{nearest}'"):
        catalog.open_network(name, None)


def test_transformers_of_one_size_say_why_they_cannot_dream() -> None:
    for name in ("torchvision/vit_b_16", "maxvit_t"):
        with pytest.raises(ConfigError, match="one size only"):
            catalog.open_network(name, None)


def test_googlenet_opens_from_a_file_and_from_the_cache(googlenet_file: Path, empty_cache: Path) -> None:
    assert catalog.open_network("googlenet", googlenet_file).name == "googlenet"
    with pytest.raises(InputError, match="googlenet has no weights here") as caught:
        catalog.open_network("googlenet", None)
    place = empty_cache / "bvlc_googlenet.pth"
    assert str(empty_cache / "bvlc_googlenet.caffemodel") in str(caught.value)
    assert not catalog.networks()[1].present
    assert not empty_cache.exists()
    empty_cache.mkdir(parents=True)
    os.link(googlenet_file, place)
    assert catalog.default_weights("googlenet") == place
    assert catalog.open_network("googlenet", None).name == "googlenet"
    assert catalog.networks()[1].present
    assert catalog.networks()[1].source == str(place)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has its own variables for this")
def test_a_user_without_a_home_has_no_cache_and_is_told_the_rest(homeless: None) -> None:
    assert catalog.default_weights("googlenet") is None
    with pytest.raises(InputError, match="name it in `weights`") as caught:
        catalog.open_network("googlenet", None)
    assert WEIGHTS["googlenet"].addresses[0] in str(caught.value)


@pytest.mark.parametrize("name", [*WEIGHTS, "torchvision/resnet18"])
def test_offline_every_network_says_how_to_get_its_weights(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        catalog.open_network(name, None)
    message = str(caught.value)
    assert f"{name} has no weights here" in message
    assert download.OFFLINE in message
    assert "https://" in message
    assert str(tmp_path) in message, "the place where the file would be found"
    assert "\n" not in message


def test_missing_weights_are_downloaded_once_to_the_cache(
    monkeypatch: pytest.MonkeyPatch, googlenet_file: Path, empty_cache: Path
) -> None:
    asked = []

    def fetch(addresses: tuple[str, ...], target: Path, **options: object) -> Path:
        asked.append((addresses, options["digest"]))
        target.parent.mkdir(parents=True)
        os.link(googlenet_file, target)
        return target

    monkeypatch.setattr(download, "fetch", fetch)
    for _ in range(2):
        assert catalog.open_network("googlenet", None).name == "googlenet"
    source = WEIGHTS["googlenet"]
    assert asked == [(source.addresses, source.digest)]
    assert catalog.default_weights("googlenet") == empty_cache / source.files[-1]
    assert catalog.fetch_weights("dreamnet") is None


def test_torchvisions_weights_go_where_torchvision_puts_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from zoomdream.networks import torchvision_zoo

    def fetch(addresses: tuple[str, ...], target: Path, **options: object) -> Path:
        assert addresses == ("https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth",)
        assert options["digest"] == "sha256:b8a52dc0"
        target.parent.mkdir(parents=True)
        torch.save(torchvision_zoo._build("squeezenet1_1", 1000, "cpu").state_dict(), target)
        return target

    monkeypatch.setattr(download, "fetch", fetch)
    name = "torchvision/squeezenet1_1"
    assert catalog.open_network(name, None).name == name
    place = tmp_path / "torch" / "hub" / "checkpoints" / "squeezenet1_1-b8a52dc0.pth"
    assert catalog.default_weights(name) == place
    (info,) = (info for info in catalog.torchvision_networks() if info.name == name)
    assert info.present
    assert info.source == str(place)


def test_every_address_is_https_and_every_digest_can_be_checked() -> None:
    import hashlib

    for source in WEIGHTS.values():
        assert all(address.startswith("https://") for address in source.addresses)
        assert source.files
        if source.digest:
            assert source.digest.partition(":")[0] in hashlib.algorithms_available


def test_the_list_has_every_name_and_says_where_weights_come_from() -> None:
    listed = catalog.networks()
    assert tuple(info.name for info in listed) == catalog.NAMES
    assert all(info.description and info.licence and info.source for info in listed)
    assert listed[0].source == "embedded"
    assert listed[1].source == WEIGHTS["googlenet"].addresses[0]
    assert not any(info.present for info in (*listed[1:], *catalog.torchvision_networks()))


@pytest.mark.parametrize("name", [*catalog.NAMES, "torchvision/resnet18"])
def test_layers_are_told_without_any_weights(name: str) -> None:
    found = catalog.layers_of(name)
    assert found[-1].name in ("logits", "prob")
    main = catalog.main_layers(found)
    assert set(main) < set(found) or name == "dreamnet"
    assert len(main) >= 10
    assert not any(layer.name.endswith("_pre_relu") for layer in main)


def test_weights_of_the_other_network_are_recognised(tmp_path: Path, googlenet_file: Path) -> None:
    with pytest.raises(InputError, match="Choose the network googlenet, or") as caught:
        catalog.open_network("dreamnet", googlenet_file)
    assert str(googlenet_file) in str(caught.value)
    torch.save({"heads.mixed4c.conv.weight": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match="Choose the network dreamnet"):
        catalog.open_network("googlenet", tmp_path / "other.pth")
    torch.save({"inception4c.branch1.conv.weight": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match="Choose the network torchvision/googlenet"):
        catalog.open_network("googlenet", tmp_path / "other.pth")
    with pytest.raises(InputError, match="Choose the network googlenet, or give"):
        catalog.open_network("torchvision/squeezenet1_1", googlenet_file)
    places = {name: torch.zeros(shape) for name, shape in tensor_shapes(PLACES205).items()}
    torch.save(places, tmp_path / "other.pth")
    with pytest.raises(InputError, match="Choose the network googlenet-places205"):
        catalog.open_network("googlenet", tmp_path / "other.pth")
    torch.save({"layer1.0.conv1.weight": torch.zeros(2)}, tmp_path / "other.pth")
    for name in catalog.NAMES:
        with pytest.raises(InputError, match=rf"a ResNet\. Give a file of {name}"):
            catalog.open_network(name, tmp_path / "other.pth")


def test_the_signature_is_one_of_the_networks_own_tensors() -> None:
    from zoomdream.networks import torchvision_zoo
    from zoomdream.networks.dreamnet import DreamNet

    own = {"googlenet": set(tensor_shapes()), "dreamnet": set(DreamNet().state_dict())}
    for name in ("googlenet", "inception_v3", "resnet18", "squeezenet1_1", "vgg16", "densenet121"):
        own[f"torchvision/{name}"] = set(torchvision_zoo._build(name, 1000, "meta").state_dict())
    for signature, name in catalog._SIGNATURES.items():
        holders = {network for network, tensors in own.items() if signature in tensors}
        assert len(holders) == 1
        assert name in holders or name.startswith("a ")


@pytest.mark.parametrize("name", [*catalog.NAMES, "torchvision/resnet18"])
def test_a_file_without_weights_is_said_to_be_what_it_is(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.pth").write_text("not weights at all\n")
    with pytest.raises(InputError, match="text file"):
        catalog.open_network(name, tmp_path / "notes.pth")
    with pytest.raises(InputError, match="does not exist"):
        catalog.open_network(name, tmp_path / "none.pth")
