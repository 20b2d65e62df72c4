"""GoogLeNet against a plain second implementation, and against Caffe itself where the real weights are."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.counted_convolutions import Convolutions
from zoomdream.autodiff.traced import TracedNetwork
from zoomdream.networks import googlenet
from zoomdream.networks.googlenet_layers import BVLC, INCEPTION5H, PLACES205, Variant, Widths, layers

NAMES = frozenset(layer.name for layer in layers())
CLASSES = {"logits", "prob"}


@pytest.fixture(scope="module")
def tensors(googlenet_tensors: Callable[[Variant], dict[str, Tensor]]) -> dict[str, Tensor]:
    return googlenet_tensors(BVLC)


@pytest.fixture(scope="module")
def network(tensors: dict[str, Tensor]) -> TracedNetwork:
    return googlenet.network(tensors)


@pytest.fixture
def picture() -> Tensor:
    return torch.rand((1, 3, 64, 48), generator=torch.Generator().manual_seed(2))


def plain(variant: Variant, tensors: dict[str, Tensor], picture: Tensor) -> dict[str, Tensor]:
    """All layers, step by step as deploy.prototxt or inception5h's graph lists them, with PyTorch's own norm."""
    found: dict[str, Tensor] = {}
    tensorflow = variant is INCEPTION5H

    def padded(x: Tensor, window: int, value: float) -> Tensor:
        sides = []
        for edge in (x.shape[3], x.shape[2]):
            if tensorflow:  # SAME: as many as it takes for ceil(edge / 2) windows, the odd one after
                missing = max((-(-edge // 2) - 1) * 2 + window - edge, 0)
                sides += [missing // 2, missing - missing // 2]
            elif window == 3:  # Caffe rounds pools up: one more on the right and below where it would not fit
                sides += [0, int(edge % 2 == 0)]
            else:
                sides += [3, 3]
        return F.pad(x, sides, value=value)

    def convolve(x: Tensor, key: str, name: str) -> Tensor:
        weight = tensors[f"{key}.weight"]
        if name == "conv1":
            found[f"{name}_pre_relu"] = F.conv2d(padded(x, 7, 0), weight, tensors[f"{key}.bias"], 2)
        else:
            found[f"{name}_pre_relu"] = F.conv2d(x, weight, tensors[f"{key}.bias"], 1, weight.shape[-1] // 2)
        found[name] = F.relu(found[f"{name}_pre_relu"])
        return found[name]

    def pool(x: Tensor, number: int) -> Tensor:
        found[f"pool{number}"] = F.max_pool2d(padded(x, 3, -torch.inf), 3, 2)
        return found[f"pool{number}"]

    def normalise(x: Tensor, number: int) -> Tensor:
        numbers = (11, 0.0011, 0.5, 2.0) if tensorflow else (5, 1e-4, 0.75, 1.0)
        found[f"norm{number}"] = F.local_response_norm(x, *numbers)
        return found[f"norm{number}"]

    x = picture * 255 - torch.tensor(variant.mean).view(1, 3, 1, 1)
    x = normalise(pool(convolve(x, "conv1_7x7_s2", "conv1"), 1), 1)
    x = convolve(convolve(x, "conv2_3x3_reduce", "conv2_reduce"), "conv2_3x3", "conv2")
    x = pool(normalise(x, 2), 2)
    for block in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
        x = pool(x, int(block[0]) - 1) if block in ("4a", "5a") else x
        key, name = f"inception_{block}", f"mixed{block}"
        one = convolve(x, f"{key}_1x1", f"{name}_1x1")
        three = convolve(convolve(x, f"{key}_3x3_reduce", f"{name}_3x3_reduce"), f"{key}_3x3", f"{name}_3x3")
        five = convolve(convolve(x, f"{key}_5x5_reduce", f"{name}_5x5_reduce"), f"{key}_5x5", f"{name}_5x5")
        found[f"{name}_pool"] = F.max_pool2d(x, 3, 1, 1)
        pooled = convolve(found[f"{name}_pool"], f"{key}_pool_proj", f"{name}_pool_proj")
        x = found[name] = torch.cat([one, three, five, pooled], 1)
    found["pool5"] = x.mean((2, 3), keepdim=True)
    found["logits"] = F.linear(x.mean((2, 3)), tensors["loss3_classifier.weight"], tensors["loss3_classifier.bias"])
    found["prob"] = found["logits"].softmax(1)
    return found


def difference(found: Tensor, expected: Tensor) -> float:
    return float((found.to(expected.dtype) - expected).detach().norm() / expected.detach().norm())


@pytest.mark.parametrize("variant", [BVLC, PLACES205, INCEPTION5H], ids=lambda variant: variant.name)
@pytest.mark.parametrize("size", [(64, 48), (67, 49)])
def test_every_layer_is_what_the_plain_network_computes(
    googlenet_tensors: Callable[[Variant], dict[str, Tensor]], variant: Variant, size: tuple[int, int]
) -> None:
    tensors = googlenet_tensors(variant)
    picture = torch.rand((1, 3, *size), generator=torch.Generator().manual_seed(2))
    names = frozenset(layer.name for layer in layers(variant))
    found, expected = googlenet.network(tensors, variant)(picture, names), plain(variant, tensors, picture)
    assert found.keys() == expected.keys()
    wrong = {name: difference(found[name], expected[name]) for name in found}
    assert max(wrong.values()) < 2e-5, max(wrong, key=wrong.__getitem__)


@pytest.mark.parametrize(
    "wanted",
    [
        {"conv2"},
        {"mixed3a"},
        {"mixed4c_3x3_reduce_pre_relu"},
        {"mixed3b_5x5_pre_relu", "mixed3b_5x5", "mixed4a"},
        {"pool1"},
        {"norm2", "mixed4b_pool"},
        {"logits"},
    ],
)
def test_the_gradient_reaches_the_picture_as_in_the_plain_network(
    network: TracedNetwork, tensors: dict[str, Tensor], picture: Tensor, wanted: set[str]
) -> None:
    def gradient(run: Callable[[Tensor], dict[str, Tensor]]) -> Tensor:
        leaf = picture.clone().requires_grad_()
        found = run(leaf)
        return torch.autograd.grad([(found[name] ** 2).mean() for name in sorted(wanted)], leaf)[0]

    assert (
        difference(gradient(lambda x: network(x, frozenset(wanted))), gradient(lambda x: plain(BVLC, tensors, x)))
        < 1e-4
    )


def narrow(variant: Variant) -> Variant:
    """The same with few channels."""
    blocks, inputs = {}, 192
    for number, name in enumerate(variant.blocks):
        blocks[name] = Widths(inputs, 6, 7, 8 + number, 5, 6, 7)
        inputs = blocks[name].output
    return replace(variant, classes=7, blocks=blocks)


def gradient(leaf: Tensor, activation: Tensor) -> Tensor:
    """Of the activation, weighed by random numbers."""
    weights = torch.randn(activation.shape, generator=torch.Generator().manual_seed(3), dtype=leaf.dtype)
    return torch.autograd.grad((activation * weights).sum(), leaf, retain_graph=True)[0]


@pytest.mark.parametrize("variant", [BVLC, INCEPTION5H], ids=lambda variant: variant.name)
def test_the_gradient_of_every_layer_is_autograds_through_the_plain_modules(
    googlenet_tensors: Callable[[Variant], dict[str, Tensor]], variant: Variant
) -> None:
    network = googlenet.network(googlenet_tensors(narrow(variant)), narrow(variant)).double()
    leaf = torch.rand((1, 3, 35, 46), generator=torch.Generator().manual_seed(2), dtype=torch.float64).requires_grad_()
    plain, expected = copy.deepcopy(network.model), {}
    for name in NAMES:
        module = plain.get_submodule(googlenet._path(name))
        module.register_forward_hook(lambda module, given, result, name=name: expected.__setitem__(name, result))
    plain(leaf - network.mean)
    for name in NAMES:
        found, truth = gradient(leaf, network(leaf, frozenset({name}))[name]), gradient(leaf, expected[name])
        assert difference(found, truth) < 1e-10, name
    together = network(leaf, NAMES)
    assert max(difference(together[name], expected[name]) for name in NAMES) < 1e-10
    found, truth = (torch.cat([each[name].flatten() for name in sorted(NAMES)]) for each in (together, expected))
    assert difference(gradient(leaf, found), gradient(leaf, truth)) < 1e-10


def test_a_layer_is_the_same_alone_and_among_all_others(network: TracedNetwork, picture: Tensor) -> None:
    together = network(picture, NAMES)
    for name in (*sorted(NAMES)[::5], "pool1", "norm1", "norm2", "pool2", "pool3", "pool4", "mixed5a_pool", "pool5"):
        assert torch.allclose(network(picture, frozenset({name}))[name], together[name], rtol=1e-4, atol=1e-5), name


def test_cost_is_the_share_of_the_multiplications_that_are_done(network: TracedNetwork) -> None:
    def work(name: str) -> int:
        with Convolutions() as counter:
            network(torch.rand(1, 3, 64, 64), frozenset({name}))
        return counter.multiplications

    whole = work("mixed5b")
    for layer in layers()[:-2:4]:  # the classes' own work is a thousandth that does not grow with the picture
        assert work(layer.name) / whole == pytest.approx(layer.cost, rel=1e-9), layer.name


def test_nothing_is_computed_when_nothing_is_wanted(network: TracedNetwork, picture: Tensor) -> None:
    with Convolutions() as counter:
        assert network(picture, frozenset()) == {}
    assert counter.calls == 0


def test_the_table_of_layers_tells_channels_and_strides(network: TracedNetwork) -> None:
    found = network(torch.rand(1, 3, 64, 96), NAMES)
    for layer in network.layers:
        if layer.name in ("pool5", *CLASSES):
            assert found[layer.name].shape[:2] == (1, layer.channels)
            continue
        assert found[layer.name].shape == (1, layer.channels, 64 // layer.stride, 96 // layer.stride), layer.name


def test_no_two_layers_share_a_name() -> None:
    names = [name.lower() for layer in layers() for name in (layer.name, *layer.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("height", "width"), [(18, 32), (16, 16), (1, 1), (35, 17)])
def test_small_pictures_pass_through_the_whole_network(network: TracedNetwork, height: int, width: int) -> None:
    found = network(torch.rand(1, 3, height, width), NAMES)
    assert all(activation.numel() > 0 and bool(torch.isfinite(activation).all()) for activation in found.values())


def test_bfloat16_gives_nearly_the_same_activations_and_gradients(tensors: dict[str, Tensor], picture: Tensor) -> None:
    def run(network: TracedNetwork) -> tuple[Tensor, Tensor]:
        leaf = picture.clone().requires_grad_()
        found = network(leaf, frozenset({"mixed4a"}))["mixed4a"]
        return found.detach(), torch.autograd.grad(found.float().square().mean(), leaf)[0]

    expected, gradient = run(googlenet.network(tensors))
    found, rough_gradient = run(googlenet.network(tensors).to(torch.bfloat16))
    assert found.dtype == torch.bfloat16
    assert rough_gradient.dtype == torch.float32
    assert difference(found, expected) < 0.03
    assert float(F.cosine_similarity(rough_gradient.flatten(), gradient.flatten(), 0)) > 0.95


def test_weights_take_no_gradient_and_are_channels_last(network: TracedNetwork) -> None:
    for name, parameter in network.named_parameters():
        assert not parameter.requires_grad, name
        assert parameter.ndim < 4 or parameter.is_contiguous(memory_format=torch.channels_last), name
    assert not network.training


def test_an_unknown_layer_is_refused(network: TracedNetwork, picture: Tensor) -> None:
    with pytest.raises(ValueError, match="mixed4f"):
        network(picture, frozenset({"mixed3a", "mixed4f"}))


def test_without_a_classifier_the_classes_are_no_layers(network: TracedNetwork, tensors: dict[str, Tensor]) -> None:
    bare = googlenet.network({name: tensor for name, tensor in tensors.items() if not name.startswith("loss3")})
    assert {layer.name for layer in network.layers} - {layer.name for layer in bare.layers} == CLASSES
    with pytest.raises(ValueError, match="logits"):
        bare(torch.rand(1, 3, 32, 32), frozenset({"logits"}))
