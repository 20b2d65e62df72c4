"""The GoogLeNets' weights files in all their layouts, and Caffe's own activations where the real weights are."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from zoomdream.errors import InputError
from zoomdream.networks import googlenet
from zoomdream.networks.googlenet_layers import BVLC, INCEPTION5H, PLACES205, PLACES365, VARIANTS, Variant
from zoomdream.networks.weights.googlenet_layouts import guess

Made = Callable[[Variant], dict[str, Tensor]]
LUCID = {"3x3_reduce": "3x3_bottleneck", "5x5_reduce": "5x5_bottleneck", "pool_proj": "pool_reduce"}
LUCID_STEM = {"conv1_7x7_s2": "conv2d0", "conv2_3x3_reduce": "conv2d1", "conv2_3x3": "conv2d2"}
CAPTUM_STEM = {"conv1_7x7_s2": "conv1", "conv2_3x3_reduce": "conv2", "conv2_3x3": "conv3"}


def lucid(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """As in neural-dream's and lucent's files, with a head of training."""

    def renamed(name: str) -> str:
        stem, kind = name.split(".")
        if stem == "loss3_classifier":
            return f"softmax2_pre_activation_matmul.{kind}"
        if stem in LUCID_STEM:
            return f"{LUCID_STEM[stem]}_pre_relu_conv.{kind}"
        _, block, branch = stem.split("_", 2)
        return f"mixed{block}_{LUCID.get(branch, branch)}_pre_relu_conv.{kind}"

    heads = {"head0_bottleneck_pre_relu_conv.weight": torch.zeros(128, 508, 1, 1), "nn0_pre_relu_matmul.bias": ONE}
    return {**{renamed(name): tensor for name, tensor in tensors.items()}, **heads}


def captum(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """As in captum's file."""

    def renamed(name: str) -> str:
        stem, kind = name.split(".")
        if stem == "loss3_classifier":
            return f"fc.{kind}"
        if stem in CAPTUM_STEM:
            return f"{CAPTUM_STEM[stem]}.{kind}"
        _, block, branch = stem.split("_", 2)
        return f"mixed{block}.{'' if branch == 'pool_proj' else 'conv_'}{branch}.{kind}"

    return {renamed(name): tensor for name, tensor in tensors.items()}


ONE = torch.ones(1)


@pytest.fixture
def picture() -> Tensor:
    return torch.rand((1, 3, 64, 48), generator=torch.Generator().manual_seed(2))


def bgr(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """As Caffe stores them: the first convolution for blue, green, red."""
    return {**tensors, "conv1_7x7_s2.weight": tensors["conv1_7x7_s2.weight"].flip(1)}


def same(path: Path, variant: Variant, tensors: dict[str, Tensor], picture: Tensor) -> None:
    """Assert that the file gives the very network of the tensors."""
    loaded = googlenet.load(path, variant)
    wanted = frozenset({"mixed4a", "mixed5b"} | ({"logits"} if "loss3_classifier.bias" in tensors else set()))
    found, expected = loaded(picture, wanted), googlenet.network(tensors, variant)(picture, wanted)
    assert all(torch.equal(found[name], expected[name]) for name in wanted)
    assert loaded.name == variant.name


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("classifier", [True, False])
@pytest.mark.parametrize("variant", [BVLC, PLACES365], ids=lambda variant: variant.name)
def test_weights_survive_the_file(
    tmp_path: Path, googlenet_tensors: Made, picture: Tensor, suffix: str, classifier: bool, variant: Variant
) -> None:
    tensors = googlenet_tensors(variant)
    kept = {name: tensor for name, tensor in tensors.items() if classifier or not name.startswith("loss3")}
    path = tmp_path / f"weights{suffix}"
    (torch.save if suffix == ".pth" else safetensors.torch.save_file)(bgr(kept), path)
    same(path, variant, kept, picture)


@pytest.mark.parametrize("v1", [True, False])
@pytest.mark.parametrize("variant", [BVLC, PLACES205], ids=lambda variant: variant.name)
def test_a_caffemodel_gives_the_network_of_its_arrays(
    tmp_path: Path,
    googlenet_tensors: Made,
    write_caffemodel: Callable[..., None],
    picture: Tensor,
    v1: bool,
    variant: Variant,
) -> None:
    tensors = googlenet_tensors(variant)
    write_caffemodel(tmp_path / "weights.caffemodel", caffe_layers(bgr(tensors)), v1)
    same(tmp_path / "weights.caffemodel", variant, tensors, picture)


def caffe_layers(tensors: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    """The blobs by Caffe's layers, with a head of training."""

    def name(stem: str) -> str:
        return re.sub(r"^(inception_\d[a-e]|conv\d|loss\d)_", r"\1/", stem)

    stems = [key.removesuffix(".weight") for key in tensors if key.endswith(".weight")]
    found = {name(stem): (tensors[f"{stem}.weight"], tensors[f"{stem}.bias"]) for stem in stems}
    classes = tensors["loss3_classifier.bias"].shape[0]
    return {**found, "loss1/classifier": (torch.zeros(classes, 1024), torch.zeros(classes))}


@pytest.mark.parametrize("layout", [lucid, captum])
def test_inception5h_is_read_in_both_layouts(
    tmp_path: Path, googlenet_tensors: Made, picture: Tensor, layout: Callable[..., dict[str, Tensor]]
) -> None:
    tensors = googlenet_tensors(INCEPTION5H)
    torch.save(layout(tensors), tmp_path / "weights.pth")
    same(tmp_path / "weights.pth", INCEPTION5H, tensors, picture)


def test_the_side_heads_of_training_are_ignored(tmp_path: Path, googlenet_tensors: Made) -> None:
    path = tmp_path / "weights.pth"
    torch.save({**googlenet_tensors(BVLC), "loss1_conv.weight": torch.zeros(128, 512, 1, 1)}, path)
    assert googlenet.load(path).name == "googlenet"


def test_weights_of_another_network_name_the_first_difference(tmp_path: Path, googlenet_tensors: Made) -> None:
    tensors = googlenet_tensors(BVLC)
    wrong = {
        "inception_4c_1x1.bias": {key: value for key, value in tensors.items() if key != "inception_4c_1x1.bias"},
        "inception_4a_3x3.weight": {**tensors, "inception_4a_3x3.weight": torch.zeros(204, 96, 3, 3)},
        "loss3_classifier.weight": {**tensors, "loss3_classifier.weight": torch.zeros(365, 1024)},
        "loss1_classifier_1.weight": {**tensors, "loss1_classifier_1.weight": torch.zeros(205, 1024)},
        "layer1.0.conv1.weight": {**tensors, "layer1.0.conv1.weight": torch.zeros(2)},
        "conv1_7x7_s2.weight": {"features.0.weight": torch.zeros(2)},
        "mixed4c.conv_1x1.weight": {**tensors, "mixed4c.conv_1x1.weight": torch.zeros(2)},
    }
    path = tmp_path / "weights.pth"
    for name, content in wrong.items():
        torch.save(content, path)
        with pytest.raises(InputError, match="another network") as caught:
            googlenet.load(path)
        assert repr(name) in str(caught.value)
        assert str(path) in str(caught.value)


def test_each_of_the_four_is_known_by_its_tensors(googlenet_tensors: Made) -> None:
    for name, variant in VARIANTS.items():
        assert guess(googlenet_tensors(variant)) == name
    assert guess(lucid(googlenet_tensors(INCEPTION5H))) == "inception5h"
    trunk = {key: value for key, value in googlenet_tensors(PLACES205).items() if not key.startswith("loss3")}
    assert guess({**trunk, "loss1_classifier_1.bias": torch.zeros(205)}) == "googlenet-places205"
    assert guess({"conv1.weight": torch.zeros(1)}) is None


def real(folder: Path) -> tuple[Mapping[str, Tensor], Tensor]:
    """Caffe's own activations by blob, and the picture that they are of."""
    numpy = pytest.importorskip("numpy")
    stored = numpy.load(folder / "bvlc_googlenet_caffe_reference_activations.npz")
    blobs = {name: torch.from_numpy(stored[name]) for name in stored.files}
    picture = (blobs.pop("data") + torch.tensor([104.0, 117.0, 123.0]).view(1, 3, 1, 1)).flip(1) / 255
    return blobs, picture


@pytest.mark.assets
@pytest.mark.skipif("ZOOMDREAM_ASSETS" not in os.environ, reason="ZOOMDREAM_ASSETS is not set")
@pytest.mark.parametrize("form", ["pth", "caffemodel", "safetensors"])
def test_the_real_weights_give_caffes_own_activations(
    tmp_path: Path, write_caffemodel: Callable[..., None], form: str
) -> None:
    folder = Path(os.environ["ZOOMDREAM_ASSETS"]) / "weights"
    blobs, picture = real(folder)
    path = folder / "bvlc_googlenet_caffe.pth"
    if form != "pth":
        tensors = torch.load(path, weights_only=True)
        path = tmp_path / f"weights.{form}"
        if form == "caffemodel":
            write_caffemodel(path, caffe_layers({name: tensor.float() for name, tensor in tensors.items()}), True)
        else:
            safetensors.torch.save_file(tensors, path)
    network = googlenet.load(path)
    names = {
        "pool1_3x3_s2": "pool1",
        "pool2_3x3_s2": "pool2",
        "inception_3a_output": "mixed3a",
        "inception_4c_output": "mixed4c",
        "inception_5b_output": "mixed5b",
        "loss3_classifier": "logits",
        "prob": "prob",
    }
    assert names.keys() == blobs.keys()
    found = network(picture, frozenset(names.values()))
    for blob, name in names.items():
        truth = blobs[blob]
        assert float((found[name].squeeze(0) - truth).abs().max() / truth.abs().max()) < 1e-4, blob
        assert float((found[name].squeeze(0) - truth).norm() / truth.norm()) < 1e-4, blob


@pytest.mark.assets
@pytest.mark.parametrize(
    ("photo", "top"), [("kodim23_parrots", 88), ("kodim22_barn_trees", 425), ("kodim13_mountain_stream", 979)]
)
def test_the_real_weights_know_the_photos(assets: Path, photo: str, top: int) -> None:
    numpy = pytest.importorskip("numpy")
    image = pytest.importorskip("PIL.Image")
    with image.open(assets / "photos" / f"{photo}.png") as opened:
        pixels = numpy.asarray(opened.convert("RGB").resize((224, 224), image.Resampling.BICUBIC)).copy()
    picture = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255
    network = googlenet.load(assets / "weights" / "bvlc_googlenet_caffe.pth")
    assert int(network(picture, frozenset({"logits"}))["logits"].argmax()) == top
