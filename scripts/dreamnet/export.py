"""From the network in training (heads in RMS units) to the packaged file, in the teacher's units."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor
from torch.nn import functional

from zoomdream.networks.dreamnet import NAMES, DreamNet
from zoomdream.networks.dreamnet_file import checksum


def in_units(network: DreamNet, rms: Mapping[str, Tensor]) -> DreamNet:
    """A new network that gives `network`'s activations times each channel's RMS, and the same logits."""
    tensors = {key: value.detach().cpu().float() for key, value in network.state_dict().items()}
    for name in NAMES:
        tensors[f"heads.{name}.conv.weight"] = tensors[f"heads.{name}.conv.weight"] * rms[name].cpu().view(-1, 1, 1, 1)
        tensors[f"heads.{name}.conv.bias"] = tensors[f"heads.{name}.conv.bias"] * rms[name].cpu()
    tensors["classifier.weight"] = tensors["classifier.weight"] / rms[NAMES[-1]].cpu()
    scaled = DreamNet()
    scaled.load_state_dict(tensors)
    return scaled.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def out_of_units(tensors: Mapping[str, Tensor], rms: Mapping[str, Tensor], network: DreamNet) -> None:
    """Gives `network` the weights of a packaged file: the reverse of `in_units`.

    Where it has more inputs than the file, the first ones are new, and start at zero.
    """
    tensors = {key: value.float() for key, value in tensors.items()}
    for name in NAMES:
        tensors[f"heads.{name}.conv.weight"] = tensors[f"heads.{name}.conv.weight"] / rms[name].cpu().view(-1, 1, 1, 1)
        tensors[f"heads.{name}.conv.bias"] = tensors[f"heads.{name}.conv.bias"] / rms[name].cpu()
    tensors["classifier.weight"] = tensors["classifier.weight"] * rms[NAMES[-1]].cpu()
    for key, wanted in network.state_dict().items():
        if wanted.ndim == 4:
            new = wanted.shape[1] - tensors[key].shape[1]
            tensors[key] = functional.pad(tensors[key], (0, 0, 0, 0, new, 0))
    network.load_state_dict(tensors)


def write(network: DreamNet, path: Path, metadata: Mapping[str, str]) -> None:
    """Writes the tensors as float16 beside `path`, then moves them there, so that a reader never sees half a file."""
    tensors = {key: value.detach().cpu().half().contiguous() for key, value in network.state_dict().items()}
    if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise ValueError("the network holds numbers that float16 cannot: it has not been written")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(safetensors.torch.save(tensors, {**metadata, "checksum": checksum(tensors)}))
    os.replace(partial, path)
