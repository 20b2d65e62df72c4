"""Weights files of the GoogLeNets in every layout that people have, made into one: Caffe's names, RGB, torch's shapes.

layout    a name in it                                   from
caffe     inception_4c/3x3_reduce.weight                 .caffemodel, through caffemodel.py
dream     inception_4c_3x3_reduce.weight                 neural-dream's BVLC and Places files
lucid     mixed4c_3x3_bottleneck_pre_relu_conv.weight    neural-dream's and lucent's inception5h.pth
captum    mixed4c.conv_3x3_reduce.weight                 captum's inception5h.pth

The tensors are known by names and shapes only. Inception5h and the Places files were not to be had where this was
written: their layouts are read from the programs that write them, and tested on files that the tests write.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from zoomdream.errors import InputError
from zoomdream.networks.googlenet_layers import BRANCHES, CLASSIFIER, STEM, Variant, tensor_shapes
from zoomdream.networks.weights.read import read_tensors

# The heads that only training has. Of some files they are all that is left of the classes.
SIDE_HEADS = ("loss1", "loss2", "head0", "head1", "nn0", "nn1", "softmax0", "softmax1", "aux1", "aux2")
_LUCID_STEM = {f"conv2d{index}_pre_relu_conv": key for index, key in enumerate(STEM.values())}
_CAPTUM_STEM = {"conv1": STEM["conv1"], "conv2": STEM["conv2_reduce"], "conv3": STEM["conv2"]}
_CLASSIFIERS = ("loss3/classifier", "softmax2_pre_activation_matmul", "fc")
_LUCID_BRANCHES = {theirs: ours for ours, theirs in BRANCHES.items()}


def read_variant(path: Path, variant: Variant) -> dict[str, Tensor]:
    """The tensors of `tensor_shapes(variant)`, float32, conv1 for RGB; without the classifier where the file has none.

    Raises InputError: no weights file, damaged, or the weights of another network; the first difference is named.
    """
    stored = read_tensors(path)
    tensors: dict[str, Tensor] = {}
    origin: dict[str, str] = {}
    for name, tensor in stored.items():
        known = canonical(name)
        if known in tensors:
            raise _another(path, variant, f"its tensors {origin[known]!r} and {name!r} are the same one in two layouts")
        tensors[known], origin[known] = tensor, name
    expected = tensor_shapes(variant)
    if not any(name.startswith(CLASSIFIER) for name in tensors):
        expected = {name: shape for name, shape in expected.items() if not name.startswith(CLASSIFIER)}
    for name, shape in expected.items():
        if name not in tensors:
            # Between two layers of a caffemodel nothing shows that more should follow.
            cut = ", or it is cut short" if any("/" in known for known in stored) else ""
            raise _another(path, variant, f"it has no tensor {name!r}{cut}")
        tensors[name] = _flat(tensors[name], shape)
        if tuple(tensors[name].shape) != shape:
            difference = f"its tensor {origin[name]!r} is {_text(tensors[name].shape)}, here it is {_text(shape)}"
            raise _another(path, variant, difference)
    for name, tensor in tensors.items():
        if name.startswith(SIDE_HEADS):
            _check_side_head(path, variant, origin[name], tensor)
        elif name not in expected:
            raise _another(path, variant, f"here is no tensor {origin[name]!r}")
    found = {name: tensors[name] for name in expected}
    if not _is_rgb(origin["conv1_7x7_s2.weight"]):
        found["conv1_7x7_s2.weight"] = found["conv1_7x7_s2.weight"].flip(1)
    return found


def canonical(name: str) -> str:
    """The name of `tensor_shapes` for a tensor's name in any of the layouts; unknown names come back as they are."""
    stem, _, kind = name.rpartition(".")
    if stem in _CLASSIFIERS:
        return f"{CLASSIFIER}.{kind}"
    if known := _LUCID_STEM.get(stem) or _CAPTUM_STEM.get(stem):
        return f"{known}.{kind}"
    if found := re.fullmatch(r"mixed(\d[a-e])_(.+)_pre_relu_conv", stem):
        branch = _LUCID_BRANCHES.get(found[2])
        return f"inception_{found[1]}_{branch}.{kind}" if branch else name
    if found := re.fullmatch(r"mixed(\d[a-e])\.(?:conv_)?(.+)", stem):
        return f"inception_{found[1]}_{found[2]}.{kind}" if found[2] in BRANCHES else name
    return name.replace("/", "_")


def _is_rgb(conv1: str) -> bool:
    """Whether the file's first convolution takes RGB, which only those that come from TensorFlow do."""
    return not conv1.startswith("conv1_") and not conv1.startswith("conv1/")


def _flat(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Old caffemodels store every blob with four edges: (1, 1, classes, 1024) and (1, 1, 1, channels)."""
    edges = tuple(edge for edge in tensor.shape if edge != 1)
    if tensor.ndim == 4 and len(shape) < 4 and edges == tuple(edge for edge in shape if edge != 1):
        return tensor.reshape(shape)
    return tensor


def _check_side_head(path: Path, variant: Variant, name: str, tensor: Tensor) -> None:
    """Without its classifier a Places GoogLeNet gives itself away only here: its mean is another."""
    classes = next((edge for edge in tensor.shape if edge != 1), 1)
    if ("classifier" in name or "softmax" in name) and classes != variant.classes:
        difference = f"its tensor {name!r} tells {classes} classes apart, here it is {variant.classes}"
        raise _another(path, variant, difference)


def _another(path: Path, variant: Variant, difference: str) -> InputError:
    return InputError(f"{path} holds the weights of another network than the {variant.title}: {difference}.")


def _text(shape: Sequence[int]) -> str:
    return "x".join(str(edge) for edge in shape)


def guess(tensors: Mapping[str, Tensor]) -> str | None:
    """The name of the GoogLeNet that the tensors are of; None where they are of none."""
    known = {canonical(name): tensor for name, tensor in tensors.items()}
    if "inception_4c_3x3_reduce.weight" not in known:
        return None
    if (wide := known.get("inception_4a_3x3.weight")) is not None and wide.shape[0] == 204:
        return "inception5h"
    classes = {max(tensor.shape) for name, tensor in known.items() if "classifier" in name and name.endswith("bias")}
    return {205: "googlenet-places205", 365: "googlenet-places365"}.get(min(classes, default=0), "googlenet")
