"""DreamNet: its layers mean the teacher's, it computes no more than asked for, and its file is whole or refused."""

from __future__ import annotations

import copy
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from tests.against_autograd import answer, errors
from tests.counted_convolutions import Convolutions
from zoomdream.autodiff.traced import TracedNetwork
from zoomdream.errors import InputError
from zoomdream.networks import dreamnet, dreamnet_file
from zoomdream.networks.dreamnet import EVERYTHING, LOGITS, NAMES, SHAPES, DreamNet

TEACHER_CHANNELS = (256, 480, 512, 512, 512, 528, 832, 832, 1024)


@pytest.fixture(scope="module")
def plain() -> DreamNet:
    """Random weights, as they are while they learn."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return DreamNet()


@pytest.fixture(scope="module")
def network(plain: DreamNet) -> TracedNetwork:
    """The same weights, ready to dream."""
    return dreamnet.ready(copy.deepcopy(plain))


@pytest.fixture(scope="module")
def picture() -> Tensor:
    return torch.rand(1, 3, 45, 70, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module that makes the file from the network in training; scripts are no package."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "scripts"))
    yield importlib.import_module("dreamnet.export")
    for name in [name for name in sys.modules if name.startswith("dreamnet")]:
        del sys.modules[name]


@pytest.fixture
def file(plain: DreamNet, tmp_path: Path) -> Path:
    tensors = {name: tensor.half().contiguous() for name, tensor in plain.state_dict().items()}
    path = tmp_path / "some.safetensors"
    safetensors.torch.save_file(tensors, path, {"checksum": dreamnet_file.checksum(tensors), "licence": "MIT"})
    return path


def test_layers_are_the_teachers_with_its_channels_and_names(network: TracedNetwork) -> None:
    assert network.name == "dreamnet"
    assert tuple(layer.channels for layer in network.layers) == (*TEACHER_CHANNELS, dreamnet.CLASSES)
    assert dreamnet.layers() == network.layers
    found = {layer.name: layer for layer in network.layers}["mixed4c"]
    assert {"inception_4c/output", "inception_4c_output", "inception4c", "4c"} <= set(found.aliases)


def test_cost_is_a_share_that_rises_with_depth(network: TracedNetwork) -> None:
    costs = {layer.name: layer.cost for layer in network.layers}
    assert all(0 < cost <= 1 for cost in costs.values())
    # A layer's head is part of its cost: the wide ones, 3b and 4e, cost more than what follows them.
    assert costs["mixed3a"] < costs["mixed3b"]
    rising = [costs[f"mixed{name}"] for name in ("3a", "4a", "4b", "4c", "4d", "5a", "5b")]
    assert rising == sorted(rising)


@pytest.mark.parametrize(("height", "width"), [(64, 96), (45, 70), (33, 47)])
def test_every_activation_has_its_channels_and_the_stride_rounded_as_the_teacher_rounds(
    network: DreamNet, height: int, width: int
) -> None:
    found = network(torch.rand(1, 3, height, width), EVERYTHING)
    assert found[LOGITS].shape == (1, dreamnet.CLASSES)
    for layer in network.layers[:-1]:
        # The first convolution rounds up, the pools (ceil mode, no padding) round down.
        expected = tuple((edge + 1) // 2 // (layer.stride // 2) for edge in (height, width))
        assert found[layer.name].shape == (1, layer.channels, *expected)
        assert (found[layer.name] >= 0).all()


@pytest.mark.parametrize("wanted", ["mixed3a", "mixed4c", "mixed5b"])
def test_only_the_wanted_head_runs_and_no_block_behind_it(network: TracedNetwork, picture: Tensor, wanted: str) -> None:
    for run in (network, lambda picture, wanted: network.model(picture - network.mean, wanted)):
        with Convolutions() as convolutions:
            run(picture, frozenset({wanted}))
        assert convolutions.calls == 5 + 3 * (NAMES.index(wanted) + 1) + 1, "stem, blocks and head"


@pytest.mark.parametrize("names", [EVERYTHING, *(frozenset({name}) for name in (*NAMES, LOGITS))])
def test_the_gradient_of_every_layer_is_autograds_through_the_plain_modules(
    network: TracedNetwork, picture: Tensor, names: frozenset[str]
) -> None:
    exact = copy.deepcopy(network).double()
    found = answer(picture.double(), lambda leaf: exact(leaf, names))
    truth = answer(picture.double(), lambda leaf: exact.model(leaf - exact.mean, names))
    assert max(errors(found, truth).values()) < 1e-10


def test_a_layer_is_the_same_alone_and_among_others(network: TracedNetwork, picture: Tensor) -> None:
    together = network(picture, EVERYTHING)
    assert set(together) == EVERYTHING
    for name in ("mixed3b", "mixed5b", LOGITS):
        alone = network(picture, frozenset({name}))
        assert set(alone) == {name}
        torch.testing.assert_close(alone[name], together[name])


def test_nothing_wanted_gives_nothing(network: TracedNetwork, picture: Tensor) -> None:
    assert network(picture, frozenset()) == {}


@pytest.mark.parametrize("name", [*NAMES, LOGITS])
def test_the_gradient_reaches_every_pixel_and_the_picture_stays_as_it_was(network: DreamNet, name: str) -> None:
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    before = picture.clone()
    picture.requires_grad_(True)
    network(picture, frozenset({name}))[name].square().sum().backward()
    gradient = picture.grad
    assert gradient is not None
    assert gradient.isfinite().all()
    assert (gradient.abs().amax(dim=1) > 0).float().mean() > 0.9
    assert torch.equal(picture.detach(), before)


def test_bfloat16_stays_close_to_float32(network: TracedNetwork, picture: Tensor) -> None:
    exact = network(picture, frozenset({"mixed4c"}))["mixed4c"]
    rough = copy.deepcopy(network).bfloat16()(picture.bfloat16(), frozenset({"mixed4c"}))["mixed4c"].float()
    assert torch.nn.functional.cosine_similarity(exact.flatten(), rough.flatten(), dim=0) > 0.99


def test_a_layer_it_has_not_is_refused(network: TracedNetwork, picture: Tensor) -> None:
    with pytest.raises(ValueError, match="mixed4x"):
        network(picture, frozenset({"mixed4x"}))


@pytest.mark.parametrize("name", ["mixed3b", "mixed5b", LOGITS])
def test_while_it_learns_it_sees_the_same_and_its_gradient_can_be_learnt_from(
    plain: DreamNet, network: TracedNetwork, picture: Tensor, name: str
) -> None:
    plain.zero_grad()
    leaf = picture.clone().requires_grad_()
    learning = plain(leaf - network.mean, frozenset({name}))[name]
    (gradient,) = torch.autograd.grad(learning.square().sum(), leaf, create_graph=True)
    gradient.square().sum().backward()
    assert plain.stem.conv.weight.grad is not None
    assert plain.stem.conv.weight.grad.abs().sum() > 0
    torch.testing.assert_close(network(leaf, frozenset({name}))[name], learning.detach())


def test_what_is_packaged_gives_the_outputs_of_the_trained_network_times_the_rms(
    training: ModuleType, plain: DreamNet, picture: Tensor
) -> None:
    generator = torch.Generator().manual_seed(5)
    rms = {
        name: 1 + torch.rand(count, generator=generator) for name, count in zip(NAMES, TEACHER_CHANNELS, strict=True)
    }
    packaged = training.in_units(plain, rms)
    before, after = plain(picture, EVERYTHING), packaged(picture, EVERYTHING)
    for name in NAMES:
        torch.testing.assert_close(after[name], before[name] * rms[name].view(1, -1, 1, 1), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(after[LOGITS], before[LOGITS], rtol=1e-3, atol=1e-4)


def test_training_goes_on_with_the_weights_of_a_packaged_file(
    training: ModuleType, plain: DreamNet, picture: Tensor
) -> None:
    rms = {name: torch.full((count,), 1.7) for name, count in zip(NAMES, TEACHER_CHANNELS, strict=True)}
    again = DreamNet()
    training.out_of_units(training.in_units(plain, rms).state_dict(), rms, again)
    for name, found in again(picture, EVERYTHING).items():
        torch.testing.assert_close(found, plain(picture, EVERYTHING)[name], rtol=1e-3, atol=1e-4)


def test_what_a_head_sees_that_the_file_knows_nothing_of_says_nothing_at_first(
    training: ModuleType, plain: DreamNet
) -> None:
    rms = {name: torch.ones(count) for name, count in zip(NAMES, TEACHER_CHANNELS, strict=True)}
    old = plain.state_dict()
    key, before = "heads.mixed3b.conv.weight", SHAPES["mixed3a"].width
    narrow = {**old, key: old[key][:, before:]}
    again = DreamNet()
    training.out_of_units(narrow, rms, again)
    assert not again.state_dict()[key][:, :before].any()
    torch.testing.assert_close(again.state_dict()[key][:, before:], old[key][:, before:])


def test_the_head_of_3b_sees_3a_too_and_no_other_sees_more_than_its_block(plain: DreamNet) -> None:
    for name, shape in SHAPES.items():
        more = SHAPES["mixed3a"].width if name == "mixed3b" else 0
        assert plain.heads[name].conv.in_channels == shape.width + more


def test_what_is_written_is_what_is_loaded_but_for_float16(
    training: ModuleType, plain: DreamNet, picture: Tensor, tmp_path: Path
) -> None:
    training.write(plain, tmp_path / "new" / "network.safetensors", {"licence": "MIT"})
    loaded = dreamnet.load(tmp_path / "new" / "network.safetensors")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["network.safetensors"]
    one, other = (
        each(picture, frozenset({"mixed5b"}))["mixed5b"] for each in (dreamnet.ready(copy.deepcopy(plain)), loaded)
    )
    torch.testing.assert_close(one, other, rtol=0.05, atol=0.01 * one.max().item())


def test_a_network_beyond_float16_is_not_written(training: ModuleType, tmp_path: Path) -> None:
    network = DreamNet()
    nn.init.constant_(network.classifier.bias, 1e6)
    with pytest.raises(ValueError, match="float16"):
        training.write(network, tmp_path / "network.safetensors", {})
    assert not list(tmp_path.iterdir())


def test_loaded_weights_are_ready_to_dream(file: Path) -> None:
    loaded = dreamnet.load(file)
    assert not loaded.training
    assert all(not weight.requires_grad and weight.dtype == torch.float32 for weight in loaded.parameters())
    assert loaded.model.detail.conv.weight.is_contiguous(memory_format=torch.channels_last)


def test_one_changed_bit_of_the_tensors_is_refused(file: Path) -> None:
    raw = bytearray(file.read_bytes())
    raw[-1000] ^= 1
    file.write_bytes(raw)
    with pytest.raises(InputError, match="damaged"):
        dreamnet.load(file)


@pytest.mark.parametrize("content", [b"", b"no weights at all", b"\xff" * 4096], ids=["empty", "text", "noise"])
def test_what_is_no_safetensors_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "network.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"network\.safetensors"):
        dreamnet.load(path)


def test_half_a_file_is_refused(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(InputError, match="not a whole safetensors file"):
        dreamnet.load(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.safetensors.*No such file"):
        dreamnet.load(tmp_path / "gone.safetensors")


def test_tensors_of_another_network_are_refused(tmp_path: Path) -> None:
    tensors = {"weight": torch.zeros(3)}
    path = tmp_path / "other.safetensors"
    safetensors.torch.save_file(tensors, path, {"checksum": dreamnet_file.checksum(tensors)})
    with pytest.raises(InputError, match="another network"):
        dreamnet.load(path)


def test_the_embedded_file_is_small_whole_and_says_where_it_comes_from() -> None:
    tensors, metadata = dreamnet_file.read()
    assert sum(tensor.numel() for tensor in tensors.values()) <= 5_000_000
    assert sum(tensor.nbytes for tensor in tensors.values()) <= 12 * 2**20
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    assert {"format", "recipe", "licence", "checksum", "run"} <= set(metadata)
    assert all(tensor.isfinite().all() for tensor in dreamnet.load().parameters())


@pytest.mark.assets
def test_the_embedded_network_sees_what_its_teacher_sees(assets: Path) -> None:
    import numpy
    from PIL import Image

    from zoomdream.networks import googlenet

    teacher = googlenet.load(assets / "weights" / "bvlc_googlenet_caffe.pth")
    student = dreamnet.load()
    with Image.open(assets / "photos" / "kodim23_parrots.png") as image:
        photo = torch.from_numpy(numpy.array(image.convert("RGB").resize((240, 160)))).permute(2, 0, 1)[None] / 255
    for name in ("mixed3b", "mixed4a", "mixed4c"):
        mine, theirs = (each(photo, frozenset({name}))[name].flatten(2) for each in (student, teacher))
        error = (mine - theirs).square().sum() / (theirs - theirs.mean(dim=2, keepdim=True)).square().sum()
        assert error < 0.9


def test_the_smallest_frame_that_a_config_allows_is_enough_for_the_deepest_layer() -> None:
    found = dreamnet.load()(torch.rand(1, 3, 16, 16), frozenset({"mixed5b"}))
    assert found["mixed5b"].shape == (1, 1024, 1, 1)
