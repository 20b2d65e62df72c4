"""GoogLeNet against a plain second implementation, and against Caffe itself where the real weights are."""

from __future__ import annotations

import os
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from zoomdream.errors import InputError
from zoomdream.nets import googlenet
from zoomdream.nets.googlenet import GoogLeNet, _ResponseNorm
from zoomdream.nets.googlenet_layers import layers, tensor_shapes

NAMES = frozenset(layer.name for layer in layers())


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    """Random weights under which no layer dies: He's deviation, the first layer's for pixels of 0..255."""
    generator = torch.Generator().manual_seed(1)

    def values(name: str, shape: tuple[int, ...]) -> Tensor:
        deviation = 0.1 if name.endswith("bias") else (2 / prod(shape[1:])) ** 0.5
        return torch.randn(shape, generator=generator) * deviation * (0.1 if name.startswith("conv1_") else 1)

    return {name: values(name, shape) for name, shape in tensor_shapes().items()}


@pytest.fixture(scope="module")
def network(tensors: dict[str, Tensor]) -> GoogLeNet:
    return GoogLeNet(tensors)


@pytest.fixture
def picture() -> Tensor:
    return torch.rand((1, 3, 64, 48), generator=torch.Generator().manual_seed(2))


def caffe(tensors: dict[str, Tensor], picture: Tensor) -> dict[str, Tensor]:
    """All layers, step by step as bvlc_googlenet/deploy.prototxt lists them: BGR, 0..255, PyTorch's own norm."""
    found: dict[str, Tensor] = {}

    def convolve(x: Tensor, key: str, name: str, stride: int = 1) -> Tensor:
        weight = tensors[f"{key}.weight"]
        found[f"{name}_pre_relu"] = F.conv2d(x, weight, tensors[f"{key}.bias"], stride, weight.shape[-1] // 2)
        found[name] = F.relu(found[f"{name}_pre_relu"])
        return found[name]

    def pool(x: Tensor) -> Tensor:
        # Caffe rounds sizes up; a border of -inf on the right and below and rounding down is the same.
        return F.max_pool2d(F.pad(x, (0, x.shape[3] % 2 == 0, 0, x.shape[2] % 2 == 0), value=-torch.inf), 3, 2)

    x = picture.flip(1) * 255 - torch.tensor([104.0, 117.0, 123.0]).view(1, 3, 1, 1)
    x = F.local_response_norm(pool(convolve(x, "conv1_7x7_s2", "conv1", 2)), 5, 1e-4, 0.75, 1.0)
    x = convolve(convolve(x, "conv2_3x3_reduce", "conv2_reduce"), "conv2_3x3", "conv2")
    x = pool(F.local_response_norm(x, 5, 1e-4, 0.75, 1.0))
    for block in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
        x = pool(x) if block in ("4a", "5a") else x
        key, name = f"inception_{block}", f"mixed{block}"
        one = convolve(x, f"{key}_1x1", f"{name}_1x1")
        three = convolve(convolve(x, f"{key}_3x3_reduce", f"{name}_3x3_reduce"), f"{key}_3x3", f"{name}_3x3")
        five = convolve(convolve(x, f"{key}_5x5_reduce", f"{name}_5x5_reduce"), f"{key}_5x5", f"{name}_5x5")
        pooled = convolve(F.max_pool2d(x, 3, 1, 1), f"{key}_pool_proj", f"{name}_pool_proj")
        x = found[name] = torch.cat([one, three, five, pooled], 1)
    found["logits"] = F.linear(x.mean((2, 3)), tensors["loss3_classifier.weight"], tensors["loss3_classifier.bias"])
    return found


def difference(found: Tensor, expected: Tensor) -> float:
    return float((found.float() - expected).norm() / expected.norm())


class Counter(TorchFunctionMode):
    """Counts convolutions and their multiplications."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: int = 0
        self.multiplications: int = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is F.conv2d:
            self.calls += 1
            self.multiplications += result.shape[2] * result.shape[3] * args[1].numel()
        return result


def test_every_layer_is_what_the_plain_network_computes(
    network: GoogLeNet, tensors: dict[str, Tensor], picture: Tensor
) -> None:
    found, expected = network(picture, NAMES | {"logits"}), caffe(tensors, picture)
    assert found.keys() == expected.keys()
    wrong = {name: difference(found[name], expected[name]) for name in found}
    assert max(wrong.values()) < 1e-5, max(wrong, key=wrong.__getitem__)


@pytest.mark.parametrize(
    "wanted",
    [
        {"conv2"},
        {"mixed3a"},
        {"mixed4c_3x3_reduce_pre_relu"},
        {"mixed3b_5x5_pre_relu", "mixed3b_5x5", "mixed4a"},
        {"logits"},
    ],
)
def test_the_gradient_reaches_the_picture_as_in_the_plain_network(
    network: GoogLeNet, tensors: dict[str, Tensor], picture: Tensor, wanted: set[str]
) -> None:
    def gradient(run: Callable[[Tensor], dict[str, Tensor]]) -> Tensor:
        leaf = picture.clone().requires_grad_()
        found = run(leaf)
        return torch.autograd.grad([(found[name] ** 2).mean() for name in sorted(wanted)], leaf)[0]

    assert difference(gradient(lambda x: network(x, frozenset(wanted))), gradient(lambda x: caffe(tensors, x))) < 1e-4


def test_a_layer_is_the_same_alone_and_among_all_others(network: GoogLeNet, picture: Tensor) -> None:
    together = network(picture, NAMES)
    for name in sorted(NAMES)[::5]:
        assert torch.allclose(network(picture, frozenset({name}))[name], together[name], rtol=1e-4, atol=1e-5), name


def test_cost_is_the_share_of_the_multiplications_that_are_done(network: GoogLeNet) -> None:
    def work(name: str) -> int:
        with Counter() as counter:
            network(torch.rand(1, 3, 64, 64), frozenset({name}))
        return counter.multiplications

    whole = work("mixed5b")
    for layer in layers()[::4]:
        assert work(layer.name) / whole == pytest.approx(layer.cost, rel=1e-9), layer.name


def test_nothing_is_computed_when_nothing_is_wanted(network: GoogLeNet, picture: Tensor) -> None:
    with Counter() as counter:
        assert network(picture, frozenset()) == {}
    assert counter.calls == 0


def test_the_table_of_layers_tells_channels_and_strides(network: GoogLeNet) -> None:
    found = network(torch.rand(1, 3, 64, 96), NAMES)
    for layer in network.layers:
        assert found[layer.name].shape == (1, layer.channels, 64 // layer.stride, 96 // layer.stride), layer.name


def test_no_two_layers_share_a_name() -> None:
    names = [name.lower() for layer in layers() for name in (layer.name, *layer.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("height", "width"), [(18, 32), (16, 16), (1, 1), (35, 17)])
def test_small_pictures_pass_through_the_whole_network(network: GoogLeNet, height: int, width: int) -> None:
    found = network(torch.rand(1, 3, height, width), NAMES)
    assert all(activation.numel() > 0 and bool(torch.isfinite(activation).all()) for activation in found.values())


def test_bfloat16_gives_nearly_the_same_activations_and_gradients(tensors: dict[str, Tensor], picture: Tensor) -> None:
    def run(network: GoogLeNet) -> tuple[Tensor, Tensor]:
        leaf = picture.clone().requires_grad_()
        found = network(leaf, frozenset({"mixed4a"}))["mixed4a"]
        return found.detach(), torch.autograd.grad(found.float().square().mean(), leaf)[0]

    expected, gradient = run(GoogLeNet(tensors))
    found, rough_gradient = run(GoogLeNet(tensors).to(torch.bfloat16))
    assert found.dtype == torch.bfloat16
    assert rough_gradient.dtype == torch.float32
    assert difference(found, expected) < 0.03
    assert float(F.cosine_similarity(rough_gradient.flatten(), gradient.flatten(), 0)) > 0.95


def test_the_banded_norm_is_the_local_response_norm() -> None:
    x = torch.rand((1, 192, 5, 7), generator=torch.Generator().manual_seed(3)) * 1000
    expected = F.local_response_norm(x, 5, 1e-4, 0.75, 1.0)
    assert float((_ResponseNorm(192)(x) - expected).abs().max()) <= 2e-5 * float(expected.abs().max())


def test_the_norms_gradient_is_the_true_one() -> None:
    x = (torch.rand((1, 7, 2, 3), generator=torch.Generator().manual_seed(4)).double() * 300).requires_grad_()
    assert torch.autograd.gradcheck(_ResponseNorm(7).double(), x)


def test_the_norm_holds_caffes_largest_values_in_float16() -> None:
    x = torch.full((1, 64, 2, 2), 3400.0)
    found = _ResponseNorm(64).half()(x.half())
    assert difference(found, F.local_response_norm(x, 5, 1e-4, 0.75, 1.0)) < 0.005


def test_weights_take_no_gradient_and_are_channels_last(network: GoogLeNet) -> None:
    for name, parameter in network.named_parameters():
        assert not parameter.requires_grad, name
        assert parameter.ndim < 4 or parameter.is_contiguous(memory_format=torch.channels_last), name
    assert not network.training


def test_an_unknown_layer_is_refused(network: GoogLeNet, picture: Tensor) -> None:
    with pytest.raises(ValueError, match="mixed4f"):
        network(picture, frozenset({"mixed3a", "mixed4f"}))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("classifier", [True, False])
def test_weights_survive_the_file(
    tmp_path: Path, tensors: dict[str, Tensor], picture: Tensor, suffix: str, classifier: bool
) -> None:
    kept = {name: tensor for name, tensor in tensors.items() if classifier or not name.startswith("loss3")}
    path = tmp_path / f"weights{suffix}"
    (torch.save if suffix == ".pth" else safetensors.torch.save_file)(kept, path)
    loaded = googlenet.load(path)
    wanted = frozenset({"mixed5b", "logits"} if classifier else {"mixed5b"})
    expected = GoogLeNet(kept)(picture, wanted)
    assert all(torch.equal(loaded(picture, wanted)[name], expected[name]) for name in wanted)
    if not classifier:
        with pytest.raises(ValueError, match="logits"):
            loaded(picture, frozenset({"logits"}))


def test_the_side_heads_of_training_are_ignored(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    path = tmp_path / "weights.pth"
    torch.save({**tensors, "loss1_conv.weight": torch.zeros(128, 512, 1, 1)}, path)
    assert googlenet.load(path).name == "googlenet"


def test_weights_of_another_network_name_the_first_difference(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    wrong = {
        "inception_4c_1x1.bias": {key: value for key, value in tensors.items() if key != "inception_4c_1x1.bias"},
        "inception_4a_3x3.weight": {**tensors, "inception_4a_3x3.weight": torch.zeros(204, 96, 3, 3)},
        "loss3_classifier.weight": {**tensors, "loss3_classifier.weight": torch.zeros(365, 1024)},
        "loss1_classifier_1.weight": {**tensors, "loss1_classifier_1.weight": torch.zeros(205, 1024)},
        "layer1.0.conv1.weight": {**tensors, "layer1.0.conv1.weight": torch.zeros(2)},
        "conv1_7x7_s2.weight": {"features.0.weight": torch.zeros(2)},
    }
    path = tmp_path / "weights.pth"
    for name, content in wrong.items():
        torch.save(content, path)
        with pytest.raises(InputError, match="another network") as caught:
            googlenet.load(path)
        assert repr(name) in str(caught.value)
        assert str(path) in str(caught.value)


@pytest.mark.assets
@pytest.mark.skipif("ZOOMDREAM_ASSETS" not in os.environ, reason="ZOOMDREAM_ASSETS is not set")
def test_the_real_weights_give_caffes_own_activations() -> None:
    numpy = pytest.importorskip("numpy")
    folder = Path(os.environ["ZOOMDREAM_ASSETS"]) / "weights"
    expected = numpy.load(folder / "bvlc_googlenet_caffe_reference_activations.npz")
    mean = torch.tensor([104.0, 117.0, 123.0]).view(1, 3, 1, 1)
    picture = (torch.from_numpy(expected["data"]) + mean).flip(1) / 255
    network = googlenet.load(folder / "bvlc_googlenet_caffe.pth")
    found = network(picture, frozenset({"conv1", "conv2", "mixed3a", "mixed4c", "mixed5b", "logits"}))
    blobs = {
        "pool1_3x3_s2": F.max_pool2d(found["conv1"], 3, 2, ceil_mode=True),
        "pool2_3x3_s2": F.max_pool2d(network.norm2(found["conv2"]), 3, 2, ceil_mode=True),
        "inception_3a_output": found["mixed3a"],
        "inception_4c_output": found["mixed4c"],
        "inception_5b_output": found["mixed5b"],
        "loss3_classifier": found["logits"],
        "prob": found["logits"].softmax(1),
    }
    assert blobs.keys() == set(expected.files) - {"data"}
    for name, blob in blobs.items():
        truth = torch.from_numpy(expected[name])
        assert float((blob.squeeze(0) - truth).abs().max() / truth.abs().max()) < 1e-4, name
