"""The names that people know layers of torchvision's classifiers by, from papers, Caffe, Keras and lucid."""

from __future__ import annotations

import re
from collections.abc import Callable

from torch import nn

_BRANCHES = {
    "branch1": "1x1",
    "branch2.0": "3x3_reduce",
    "branch2": "3x3",
    "branch3.0": "5x5_reduce",
    "branch3": "5x5",
    "branch4.0": "pool",
    "branch4": "pool_proj",
}
_STEM = {
    "conv1": ("conv1/7x7_s2", "conv2d0"),
    "conv2": ("conv2/3x3_reduce", "conv2d1"),
    "conv3": ("conv2/3x3", "conv2d2"),
}
_KERAS = ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c")


def more_names(network: str, model: nn.Module) -> Callable[[str], tuple[str, ...]]:
    """A function from a layer's name in torchvision to its other names."""
    if network == "googlenet":
        return _googlenet
    if network == "inception_v3":
        return _inception
    if network.startswith("vgg"):
        return _from_table(_vgg(model))
    if network.startswith("squeezenet"):
        return _from_table(_fires(model))
    return lambda name: ()


def _googlenet(name: str) -> tuple[str, ...]:
    """Caffe's, lucid's and the short names. torchvision's "5x5" is a 3x3 by mistake; it is called as it should be."""
    before = name.endswith(".conv")
    path = name.removesuffix(".conv")
    suffix = "_pre_relu" if before else ""
    if path in _STEM:
        return tuple(f"{other}{suffix}" for other in _STEM[path])
    if found := re.fullmatch(r"maxpool([1-4])", path):
        return (f"pool{found[1]}/3x3_s2", f"pool{found[1]}")
    if found := re.fullmatch(r"inception(\d[a-e])", path):
        block = found[1]
        return (f"inception_{block}/output", f"inception_{block}_output", f"inception_{block}", f"mixed{block}", block)
    if found := re.fullmatch(r"inception(\d[a-e])\.(branch\d(?:\.0)?|branch[234]\.1)", path):
        block, branch = found[1], _BRANCHES[found[2].removesuffix(".1")]
        names = (
            f"inception_{block}/{branch}",
            f"inception_{block}_{branch}",
            f"mixed{block}_{branch}",
            f"{block}_{branch}",
        )
        return tuple(f"{other}{suffix}" for other in names)
    return ()


def _inception(name: str) -> tuple[str, ...]:
    """Keras counts the blocks, mixed0 to mixed10."""
    found = re.fullmatch(r"Mixed_(\d[a-e])", name)
    if not found or found[1] not in _KERAS:
        return ()
    return (f"mixed{_KERAS.index(found[1])}", f"mixed{found[1]}", found[1])


def _vgg(model: nn.Module) -> dict[str, str]:
    """conv3_1, relu3_1, pool3: the third group's first convolution, and so on."""
    names: dict[str, str] = {}
    group, number = 1, 0
    for index, module in model.get_submodule("features").named_children():
        if isinstance(module, nn.Conv2d):
            number += 1
            names[f"features.{index}"] = f"conv{group}_{number}"
        elif isinstance(module, nn.ReLU):
            names[f"features.{index}"] = f"relu{group}_{number}"
        elif isinstance(module, nn.MaxPool2d):
            names[f"features.{index}"] = f"pool{group}"
            group, number = group + 1, 0
    return names


def _fires(model: nn.Module) -> dict[str, str]:
    children = model.get_submodule("features").named_children()
    fires = [index for index, module in children if type(module).__name__ == "Fire"]
    return {f"features.{index}": f"fire{number}" for number, index in enumerate(fires, start=2)}


def _from_table(names: dict[str, str]) -> Callable[[str], tuple[str, ...]]:
    return lambda name: (names[name],) if name in names else ()
