"""torchvision's classifiers, opened up: `torchvision/resnet50`, `torchvision/inception_v3` and so on.

Structure, normalisation and the weights' addresses come from torchvision; reading the weights is ours, so that a file
is never more than numbers. Left out are those that take pictures of one size only (ViT, MaxViT).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torchvision.models
from torch import Tensor, nn

from zoomdream.autodiff.trace import Blueprint, trace
from zoomdream.autodiff.traced import TracedNetwork
from zoomdream.errors import InputError
from zoomdream.networks.torchvision_names import more_names
from zoomdream.networks.weights.read import read_tensors
from zoomdream.types import Layer

PREFIX = "torchvision/"
CLASSES = 1000
MAX_BYTES = 3 * 1024**3  # regnet_y_128gf has 2.6 GB
_ONE_SIZE = ("vit_", "maxvit_")
_TRAINING_ONLY = ("aux1.", "aux2.", "AuxLogits.")
# Ours from before 2019, which torchvision's own files still have: denselayer1.norm.1 for denselayer1.norm1.
_OLD_DENSENET = re.compile(r"(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..*)")


class Origin(NamedTuple):
    """Where torchvision's default weights are. digest: the beginning of the file's SHA-256, in hexadecimal."""

    address: str
    digest: str
    megabytes: float


@cache
def names() -> tuple[str, ...]:
    """Every classifier by its name in torchvision, those of one size left out."""
    every = torchvision.models.list_models(module=torchvision.models)
    return tuple(sorted(name for name in every if not name.startswith(_ONE_SIZE)))


def one_size(name: str) -> bool:
    """Whether torchvision has this classifier, and for one size of pictures only."""
    return name.startswith(_ONE_SIZE) and name in torchvision.models.list_models(module=torchvision.models)


def origin(name: str) -> Origin:
    """Where the default weights of torchvision's model `name` come from, a classifier or RAFT."""
    default = torchvision.models.get_model_weights(name).DEFAULT
    found = re.search(r"-([0-9a-f]{8,})\.", default.url)
    return Origin(default.url, found[1] if found else "", float(default.meta.get("_file_size", 0)))


def cached(name: str) -> Path:
    """Where torchvision itself would put the default weights."""
    return Path(torch.hub.get_dir()) / "checkpoints" / origin(name).address.rpartition("/")[2]


def layers(name: str, classes: int = CLASSES) -> tuple[Layer, ...]:
    """The layers of torchvision's classifier `name`, without its weights."""
    return _blueprint(name, classes).layers


def load(name: str, path: Path) -> TracedNetwork:
    """torchvision's classifier `name` with the weights of a file, on the CPU, float32.

    The file: .pth or .safetensors with the names of the model's state_dict; it may tell any number of classes apart.
    Raises InputError for a file that cannot be read or that holds another network.
    """
    stored = {_current(key): tensor for key, tensor in read_tensors(path, MAX_BYTES).items()}
    stored = {key: tensor for key, tensor in stored.items() if not key.startswith(_TRAINING_ONLY)}
    last = list(_build(name, CLASSES, "meta").state_dict())[-1]
    final = stored.get(last)
    classes = final.shape[0] if final is not None and final.ndim == 1 and 0 < final.shape[0] <= 10**5 else CLASSES
    model = _build(name, classes, "cpu")
    _fill(path, name, model, stored)
    return opened(name, model, classes)


def opened(name: str, model: nn.Module, classes: int = CLASSES) -> TracedNetwork:
    """The network of a model that torchvision built."""
    mean, std = _normalisation(name)
    transforms = torchvision.models.get_model_weights(name).DEFAULT
    smallest = 32 if name.startswith("swin") else min(transforms.meta.get("min_size", (32, 32)))
    return TracedNetwork(PREFIX + name, model, _blueprint(name, classes), mean, std, smallest)


@cache
def _blueprint(name: str, classes: int) -> Blueprint:
    model = _build(name, classes, "meta")
    return trace(model, more_names(name, model))


def _build(name: str, classes: int, device: str) -> nn.Module:
    options: dict[str, Any] = {"num_classes": classes}
    if name in ("googlenet", "inception_v3"):
        # Its starting values take 20 s; transform_input is part of `_normalisation`.
        options |= {"aux_logits": False, "transform_input": False, "init_weights": False}
    # RegNet works its widths out with tensors, which must have numbers.
    first = "cpu" if name.startswith("regnet") else device
    with torch.random.fork_rng(devices=[]), torch.device(first):
        model: nn.Module = torchvision.models.get_model(name, weights=None, **options)
    return model.eval().to(device)


def _normalisation(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation by torchvision's metadata, RGB in [0, 1]."""
    if name in ("googlenet", "inception_v3"):
        # Their weights come from TensorFlow: `transform_input` undoes ImageNet's numbers again and means these.
        return (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)
    transforms = torchvision.models.get_model_weights(name).DEFAULT.transforms()
    return tuple(transforms.mean), tuple(transforms.std)


def _current(key: str) -> str:
    key = key.removeprefix("module.")  # as nn.DataParallel saves it
    found = _OLD_DENSENET.fullmatch(key)
    return found[1] + found[2] if found else key


def _fill(path: Path, name: str, model: nn.Module, stored: Mapping[str, Tensor]) -> None:
    """Copies the stored numbers into the model. Not `load_state_dict`: MNASNet's wants a version beside them."""
    own = {key: tensor for key, tensor in model.state_dict().items() if tensor.is_floating_point()}
    for key, tensor in own.items():
        if key not in stored:
            raise _another(path, name, f"it has no tensor {key!r}")
        if stored[key].shape != tensor.shape:
            found, here = (" x ".join(map(str, shape)) for shape in (stored[key].shape, tensor.shape))
            raise _another(path, name, f"its tensor {key!r} is {found or 'one number'}, here it is {here}")
    if extra := next((key for key in stored if key not in own), None):
        raise _another(path, name, f"here is no tensor {extra!r}")
    with torch.no_grad():
        for key, tensor in own.items():
            tensor.copy_(stored[key])


def _another(path: Path, name: str, difference: str) -> InputError:
    return InputError(f"{path} holds the weights of another network than torchvision's {name}: {difference}.")
