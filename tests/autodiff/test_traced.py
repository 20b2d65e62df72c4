"""Traced networks on the tape: what plain autograd gives, whatever they consist of."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from tests.against_autograd import Answer, answer, errors
from tests.lively_norms import enliven
from zoomdream.autodiff.fuse import fuse
from zoomdream.autodiff.graph import Graph
from zoomdream.autodiff.trace import trace
from zoomdream.autodiff.traced import TracedNetwork
from zoomdream.networks import torchvision_zoo

# Layers of the beginning, the middle and inside of branches; small networks of each kind.
FAMILIES = {
    "convnext_tiny": ("features.0.0", "features.1.0", "features.3.0.block.3"),
    "densenet121": ("features.conv0", "features.denseblock1.denselayer2.conv1", "features.transition1"),
    "efficientnet_b0": ("features.1", "features.2.1.block.1", "features.4"),
    "googlenet": ("conv1.conv", "inception3a", "inception3b.branch3.0.conv", "inception4a.branch4.0"),
    "inception_v3": ("Conv2d_1a_3x3", "Mixed_5b", "Mixed_6a", "Mixed_6b.branch7x7_2.conv"),
    "mobilenet_v3_small": ("features.1", "features.4", "features.4.block.2"),
    "resnet18": ("conv1", "layer1.0.add", "layer2.0.conv1", "layer2.0.downsample", "layer2"),
    "shufflenet_v2_x0_5": ("conv1", "stage2.1.branch2", "stage3"),
    "squeezenet1_0": ("features.1", "features.3.squeeze", "features.5"),
    "swin_t": ("features.0", "features.1.0.mlp.0", "features.2"),
    "vgg11": ("features.0", "features.4", "features.7"),
}


def model(name: str) -> nn.Module:
    """Random weights that keep the scale of what goes through, and batch norms that do something."""
    built = torchvision_zoo._build(name, 10, "cpu")
    generator = torch.Generator().manual_seed(5)
    for module in built.modules():
        if isinstance(module, nn.Conv2d):
            deep = module.weight[0].numel()
            module.weight.data = torch.randn(module.weight.shape, generator=generator) * (2 / deep) ** 0.5
        if isinstance(module, nn.BatchNorm2d):
            enliven(module, generator)
    return built


def opened(built: nn.Module) -> TracedNetwork:
    return TracedNetwork(
        "mine", built, trace(copy.deepcopy(built).to("meta"), lambda name: ()), (0.4, 0.5, 0.6), (0.2, 0.3, 0.4), 16
    )


def picture(height: int, width: int) -> Tensor:
    return torch.rand((1, 3, height, width), generator=torch.Generator().manual_seed(2))


def normalized(network: TracedNetwork, image: Tensor) -> Tensor:
    """As the model takes it: the border of a picture that is too small repeated, as often above as below."""
    assert network.std is not None
    picture = ((image - network.mean) / network.std).to(network.mean.dtype)
    missing = [max(0, network._smallest - edge) for edge in (picture.shape[3], picture.shape[2])]
    sides = [side for edge in missing for side in (edge // 2, edge - edge // 2)]
    return F.pad(picture, sides, mode="replicate").contiguous(memory_format=torch.channels_last)


def by_autograd(network: TracedNetwork, image: Tensor, names: tuple[str, ...]) -> Answer:
    """As autograd follows every step of the graph."""
    blueprint = network._blueprint

    def activations(leaf: Tensor) -> dict[str, Tensor]:
        passes = fx.Interpreter(fx.GraphModule(network.model, blueprint.graph), garbage_collect_values=False)
        passes.run(normalized(network, leaf))
        values = {name: passes.env[blueprint.nodes[name]] for name in names}
        return {name: one.permute(0, 3, 1, 2) if name in blueprint.last else one for name, one in values.items()}

    return answer(image, activations)


def traced(network: TracedNetwork, image: Tensor, names: tuple[str, ...]) -> Answer:
    return answer(image, lambda leaf: network(leaf, frozenset(names)))


def assert_same(network: TracedNetwork, image: Tensor, names: tuple[str, ...]) -> None:
    network, image = network.double(), image.double()
    expected = by_autograd(network, image, names)
    assert max(errors(traced(network, image, names), expected).values()) < 1e-10
    with torch.no_grad():
        found = network(image, frozenset(names))
    assert not any(one.requires_grad for one in found.values())
    assert max(errors((found, expected[1]), expected).values()) < 1e-10
    for name in names:
        assert errors(traced(network, image, (name,)), by_autograd(network, image, (name,)))["gradient"] < 1e-10, name


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_gives_what_autograd_gives_for_any_layers(name: str) -> None:
    network = torchvision_zoo.opened(name, model(name), 10)
    assert_same(network, picture(77, 63), (*FAMILIES[name], "logits"))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", ["googlenet", "mobilenet_v3_small", "resnet18", "squeezenet1_0"])
def test_rounding_costs_no_more_than_with_autograd(name: str, dtype: torch.dtype) -> None:
    network = torchvision_zoo.opened(name, model(name), 10).to(dtype)
    # Where a ReLU's input is as good as zero, or two of a pool's as good as equal, rounding decides where the gradient
    # goes: the best of several pictures counts.
    names, images = FAMILIES[name], [picture(66, 81), picture(50, 90), picture(71, 64)]
    both = [(by_autograd(network, image, names), traced(network, image, names)) for image in images]
    network = network.double()
    truths = [by_autograd(network, image.double(), names) for image in images]
    allowed = [errors(plain, truth) for (plain, _), truth in zip(both, truths, strict=True)]
    found = [errors(ours, truth) for (_, ours), truth in zip(both, truths, strict=True)]
    for layer in found[0]:
        error, usual = min(one[layer] for one in found), min(one[layer] for one in allowed)
        assert error < 1.5 * usual + 4 * torch.finfo(dtype).eps, layer


def test_the_gradient_of_a_picture_smaller_than_the_network_takes_is_that_of_its_repeated_border() -> None:
    assert_same(torchvision_zoo.opened("resnet18", model("resnet18"), 10), picture(9, 40), ("layer1", "layer2"))


class _Odd(nn.Module):
    """What no operation of ours matches, or only just: each in the way of one that does."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, 2, 1)
        self.wide = nn.Conv2d(8, 8, (1, 5), padding=(0, 2))
        self.padded = nn.Conv2d(8, 8, 1, padding=1)
        self.spread = nn.Conv2d(8, 8, 3, padding=2, dilation=2)
        self.mirrored = nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect")
        self.same = nn.Conv2d(8, 8, 3, padding="same", groups=2)
        self.uneven = nn.Conv2d(8, 8, 3, (2, 1), 1)
        self.scale = nn.Parameter(torch.rand(1, 8, 1, 1))
        self.pools = nn.ModuleList([nn.MaxPool2d(3, 1, 1), nn.MaxPool2d((2, 3), (2, 1)), nn.MaxPool2d(2, dilation=2)])
        self.relu, self.dropout, self.last = nn.ReLU(), nn.Dropout(), nn.Conv2d(24, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        x = torch.relu(F.max_pool2d(F.relu(x), (3, 2), stride=2, padding=1) * self.scale)
        x = self.dropout(self.wide(x)).relu() - self.relu(x)
        x = F.relu(self.relu(self.padded(x))) + x.mean((2, 3), keepdim=True).clamp_min(0.1)[:, :, :1, :1].relu()[0, 0]
        x = self.pools[0](self.relu(self.spread(x + 1) + self.mirrored(x)))
        left, right = self.pools[1](x).chunk(2, 1)
        x = torch.cat([right, left], 1).relu() + self.pools[2](F.pad(x, (0, 1, 2, 0)))[:, :, :1, :1]
        x = torch.cat([x, self.same(x).relu_(), self.relu(x + self.uneven(x)[:, :, :1])], dim=1)
        x = self.last(torch.cat([self.relu(x), x], 2))
        return F.relu(x).mean((2, 3)) * x.shape[1]


def test_a_network_of_ones_own_goes_where_autograd_goes() -> None:
    torch.manual_seed(4)
    network = opened(_Odd().requires_grad_(False).eval())
    names = tuple(layer.name for layer in network.layers)
    assert len(names) > 20
    image = picture(57, 66)
    assert_same(network, image, names)


class _Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        largest = x.max(1, keepdim=True)
        return (self.head(x).relu() * largest.values).mean((2, 3))


def test_several_results_may_be_used_far_behind() -> None:
    assert_same(opened(_Pair()), picture(20, 24), ("conv", "relu", "mul", "logits"))


@fx.wrap
def doubled_in_place(x: Tensor) -> Tensor:
    return x.mul_(2)


class _Doubling(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(doubled_in_place(self.conv(x))).mean((2, 3))


def test_functions_of_others_may_change_what_they_are_given() -> None:
    network, image = opened(_Doubling()), picture(20, 24)
    conv = network.get_submodule("model.conv")
    (found, gradient) = traced(network, image, ("conv", "doubled_in_place"))
    (expected, wanted) = answer(
        image, lambda x: {"conv": conv(normalized(network, x)), "doubled_in_place": 2 * conv(normalized(network, x))}
    )
    assert max(errors((found, gradient), (expected, wanted)).values()) < 1e-6


def test_hooks_of_a_module_are_called() -> None:
    built = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))
    built[0].register_forward_hook(lambda module, given, result: 3 * result)
    image = picture(20, 24)
    assert_same(opened(built), image, ("0", "1", "logits"))


def fused(network: TracedNetwork) -> set[str]:
    """Which nodes operations of ours compute, by the names of the graph."""
    graph = network._blueprint.graph
    users = {node: [user for user in node.users if user.op != "output"] for node in graph.nodes}
    found = fuse(Graph(network.model, users, frozenset(), network._blueprint.shapes), graph.nodes)
    return {node.name for node in found}


def test_all_of_googlenet_but_its_classes_is_computed_by_operations_of_ours() -> None:
    network = torchvision_zoo.opened("googlenet", model("googlenet"), 10)
    left = {node.name for node in network._blueprint.graph.nodes} - fused(network)
    assert left == {"picture", "avgpool", "flatten", "dropout", "fc", "output"}
