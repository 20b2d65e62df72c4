"""torchvision's classifiers with random weights: the same numbers as torchvision's own, gradients, names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import zoomdream
from tests.lively_norms import enliven
from zoomdream.autodiff.traced import TracedNetwork
from zoomdream.networks import catalog, torchvision_zoo

# One of each family, the smallest, with a layer of the middle and one more whose name people know.
FAMILIES = {
    "alexnet": ("features.8", "features.3"),
    "convnext_tiny": ("features.5.4", "features.3.0.block.3"),
    "densenet121": ("features.denseblock2", "features.transition1"),
    "efficientnet_b0": ("features.4", "features.3.0.block.1"),
    "efficientnet_v2_s": ("features.3", "features.4.0"),
    "googlenet": ("inception4a", "inception3b.branch3.0"),
    "inception_v3": ("Mixed_5d", "Mixed_6a.branch3x3"),
    "mnasnet0_5": ("layers.10", "layers.8.0"),
    "mobilenet_v2": ("features.7", "features.4.conv.1"),
    "mobilenet_v3_small": ("features.4", "features.2.block.1"),
    "regnet_y_400mf": ("trunk_output.block3", "stem"),
    "resnet18": ("layer3", "layer2.0.conv1"),
    "resnext50_32x4d": ("layer2.1", "conv1"),
    "shufflenet_v2_x0_5": ("stage3", "stage2.1.branch2"),
    "squeezenet1_1": ("features.7", "features.4.squeeze"),
    "swin_t": ("features.3", "features.1.0.mlp.0"),
    "swin_v2_t": ("features.3", "features.5.1.attn"),
    "vgg11_bn": ("features.10", "features.4"),
}


PICTURE = torch.rand((1, 3, 96, 80), generator=torch.Generator().manual_seed(2))


def model(name: str) -> nn.Module:
    """Random weights, with batch norms that do something, so that folding them shows."""
    built = torchvision_zoo._build(name, 1000, "cpu")
    generator = torch.Generator().manual_seed(5)
    for module in built.modules():
        if isinstance(module, nn.BatchNorm2d):
            enliven(module, generator)
    return built


def heard(built: nn.Module, names: tuple[str, ...], image: Tensor) -> dict[str, Tensor]:
    """What torchvision's own run gives at modules, and in the end."""
    found: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        def hook(module: nn.Module, given: Any, result: Tensor) -> None:
            found[name] = result.clone()  # before the next module may change it in place

        return hook

    hooks = [built.get_submodule(name).register_forward_hook(keep(name)) for name in names]
    with torch.no_grad():
        found["logits"] = built(image)
    for hook in hooks:
        hook.remove()
    return found


def norm_behind(built: nn.Module, name: str) -> str:
    """A convolution's name means what its batch norm gives."""
    modules = list(built.named_modules())
    index = next(index for index, (path, _) in enumerate(modules) if path == name)
    if isinstance(modules[index][1], nn.Conv2d):
        following = next(((path, one) for path, one in modules[index + 1 :] if isinstance(one, nn.BatchNorm2d)), None)
        if following and following[1].num_features == modules[index][1].out_channels:
            return following[0]
    return name


@dataclass(frozen=True)
class Family:
    """A network of a family, and what torchvision's own run gives at two layers and in the end."""

    name: str
    network: TracedNetwork
    middle: str
    other: str
    expected: dict[str, Tensor]


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> Family:
    name: str = request.param
    built = model(name)
    mean, std = (torch.tensor(numbers).view(1, 3, 1, 1) for numbers in torchvision_zoo._normalisation(name))
    middle, other = (norm_behind(built, layer) for layer in FAMILIES[name])
    expected = heard(built, (middle, other), (PICTURE - mean) / std)
    return Family(name, torchvision_zoo.opened(name, built), middle, other, expected)


def test_every_family_gives_what_torchvision_gives_and_a_gradient(family: Family) -> None:
    network = family.network
    assert network.name == f"torchvision/{family.name}"
    layers = {asked: catalog.find_layer(network, asked) for asked in (family.middle, family.other, "logits")}
    leaf = PICTURE.clone().requires_grad_()
    found = network(leaf, frozenset(layer.name for layer in layers.values()))
    for asked, layer in layers.items():
        truth = family.expected[asked]
        if layer.name in network._blueprint.last:
            truth = truth.permute(0, 3, 1, 2)
        activation = found[layer.name]
        assert activation.shape[1] == layer.channels
        assert activation.shape == truth.shape
        assert float((activation.detach() - truth).norm() / truth.norm()) < 1e-4, asked
    (gradient,) = torch.autograd.grad(found[layers[family.middle].name].square().mean(), leaf)
    assert bool(torch.isfinite(gradient).all())
    assert float(gradient.abs().max()) > 0


def test_every_family_renders_a_tiny_zoom(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "open_network", lambda *_, **__: family.network)
    config = {
        "size": [48, 32],
        "fps": 10,
        "frames": 2,
        "network": {"name": family.network.name},
        "objective": [{"layer": family.other}],
        "dream": {"octaves": 1, "steps": 1, "warmup": 1},
        "performance": {"precision": "float32"},
    }
    shown = list(zoomdream.frames(config))
    assert len(shown) == 2
    still = list(zoomdream.frames({**config, "dream": {"octaves": 1, "steps": 0}}))
    assert all(bool(torch.isfinite(frame).all()) for frame in shown)
    assert not torch.equal(shown[-1], still[-1])


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_lists_usable_layers(name: str) -> None:
    layers = torchvision_zoo.layers(name)
    names = [known.lower() for layer in layers for known in (layer.name, *layer.aliases)]
    assert len(names) == len(set(names))
    assert layers[-1].name == "logits"
    assert layers[-1].channels == 1000
    assert len(layers) > 10
    for layer in layers:
        assert layer.stride in (1, 2, 4, 8, 16, 32), layer
        assert 0 < layer.cost <= 1, layer
        assert layer.channels > 3, layer


def test_the_list_of_classifiers_leaves_out_those_of_one_size() -> None:
    names = torchvision_zoo.names()
    assert set(FAMILIES) <= set(names)
    assert not any("vit" in name for name in names)
    assert torchvision_zoo.one_size("vit_b_16")
    assert not torchvision_zoo.one_size("resnet50")


def test_every_classifier_says_where_its_weights_are() -> None:
    for name in torchvision_zoo.names():
        origin = torchvision_zoo.origin(name)
        assert origin.address.startswith("https://download.pytorch.org/models/")
        assert len(origin.digest) >= 8


def work(network: TracedNetwork, name: str) -> int:
    """How many modules of the network are called for a layer."""
    calls = 0

    def count(module: nn.Module, given: Any, result: Any) -> None:
        nonlocal calls
        calls += 1

    hooks = [module.register_forward_hook(count) for module in network.model.modules()]
    network(PICTURE, frozenset({name}))
    for hook in hooks:
        hook.remove()
    return calls


def test_nothing_is_computed_past_the_deepest_wanted_layer() -> None:
    network = torchvision_zoo.opened("squeezenet1_1", model("squeezenet1_1"))
    counts = [work(network, name) for name in ("features.0", "features.3", "features.7", "logits")]
    assert counts[0] == 1
    assert counts == sorted(counts)
    assert network(PICTURE, frozenset()) == {}


def test_a_layer_before_a_relu_or_a_sum_stays_as_it_was() -> None:
    network = torchvision_zoo.opened("resnet18", model("resnet18"))
    names = ("layer2.0.conv1", "layer2.0.relu", "layer2.0.conv2", "layer2.0.downsample", "layer2.0.add", "layer2.0")
    before, relu, second, beside, total, after = map(network(PICTURE, frozenset(names)).__getitem__, names)
    assert torch.equal(before.relu(), relu)
    assert not torch.equal(before, relu)
    assert torch.equal(second + beside, total)
    assert torch.equal(total.relu(), after)
    network = torchvision_zoo.opened("googlenet", model("googlenet"))
    names = ("inception3b.branch3.0.conv", "inception3b.branch3.0")
    before, after = map(network(PICTURE, frozenset(names)).__getitem__, names)
    assert torch.equal(before.relu(), after)
    assert not torch.equal(before, after)


@pytest.mark.parametrize(
    ("network", "name", "expected"),
    [
        ("googlenet", "inception_4c/output", "inception4c"),
        ("googlenet", "mixed4c", "inception4c"),
        ("googlenet", "4c", "inception4c"),
        ("googlenet", "inception_3b/5x5_reduce", "inception3b.branch3.0"),
        ("googlenet", "inception_3b/5x5_reduce_pre_relu", "inception3b.branch3.0.conv"),
        ("googlenet", "mixed4d_3x3", "inception4d.branch2"),
        ("googlenet", "inception4d.branch2.1", "inception4d.branch2"),
        ("googlenet", "fc", "logits"),
        ("inception_v3", "mixed3", "Mixed_6a"),
        ("vgg16", "conv3_1", "features.10"),
        ("vgg16", "relu4_2", "features.20"),
        ("vgg19", "pool5", "features.36"),
        ("squeezenet1_1", "fire2", "features.3"),
        ("squeezenet1_0", "fire9", "features.12"),
        ("resnet50", "layer3.5", "layer3"),
        ("resnet50", "bn1", "conv1"),
    ],
)
def test_layers_are_found_by_the_names_that_people_know(network: str, name: str, expected: str) -> None:
    layers = torchvision_zoo.layers(network)
    found = [layer.name for layer in layers if name.lower() in (one.lower() for one in (layer.name, *layer.aliases))]
    assert found == [expected]


@pytest.mark.parametrize("size", [(16, 24), (48, 64), (1, 1)])
@pytest.mark.parametrize("name", ["inception_v3", "alexnet", "swin_t"])
def test_small_pictures_pass_through_the_whole_network(name: str, size: tuple[int, int]) -> None:
    network = torchvision_zoo.opened(name, torchvision_zoo._build(name, 1000, "cpu"))
    leaf = torch.rand(1, 3, *size).requires_grad_()
    logits = network(leaf, frozenset({"logits"}))["logits"]
    assert logits.shape == (1, 1000)
    assert float(torch.autograd.grad(logits.square().sum(), leaf)[0].abs().max()) > 0


def test_googlenets_hidden_normalisation_is_the_one_that_torchvision_applies() -> None:
    mean, std = (torch.tensor(n).view(1, 3, 1, 1) for n in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    built = torchvision_zoo._build("googlenet", 1000, "cpu")
    built.transform_input = True  # type: ignore[assignment]
    expected = heard(built, ("conv1",), (PICTURE - mean) / std)["conv1"]
    found = torchvision_zoo.opened("googlenet", built)(PICTURE, frozenset({"conv1"}))["conv1"]
    assert float((found - expected).norm() / expected.norm()) < 1e-5


def test_opening_a_network_draws_no_random_numbers() -> None:
    before = torch.random.get_rng_state()
    torchvision_zoo._build("squeezenet1_1", 1000, "cpu")
    assert torch.equal(torch.random.get_rng_state(), before)


def test_weights_take_no_gradient_and_are_channels_last() -> None:
    network = torchvision_zoo.opened("resnet18", model("resnet18"))
    for name, parameter in network.named_parameters():
        assert not parameter.requires_grad, name
        assert parameter.ndim < 4 or parameter.is_contiguous(memory_format=torch.channels_last), name
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def test_bfloat16_gives_nearly_the_same() -> None:
    wanted = frozenset({"layer2"})
    exact = torchvision_zoo.opened("resnet18", model("resnet18"))
    rough = torchvision_zoo.opened("resnet18", model("resnet18"))
    rough.model.load_state_dict(exact.model.state_dict())
    expected = exact(PICTURE, wanted)["layer2"]
    found = rough.to(torch.bfloat16)(PICTURE.bfloat16(), wanted)["layer2"]
    assert found.dtype == torch.bfloat16
    assert float((found.float() - expected).norm() / expected.norm()) < 0.05
