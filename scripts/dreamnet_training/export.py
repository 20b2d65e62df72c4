"""From the network in training (batch norm, heads in RMS units) to the packaged file: folded, the teacher's units."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from zoomdream.nets.dreamnet import NAMES, Convolution, DreamNet, checksum


def fold(network: DreamNet, rms: Mapping[str, Tensor]) -> DreamNet:
    """A new network without batch norm that gives `network`'s eval outputs times each channel's RMS."""
    tensors: dict[str, Tensor] = {}
    for name, module in network.named_modules():
        if isinstance(module, Convolution) and isinstance(module.norm, torch.nn.BatchNorm2d):
            norm = module.norm
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            tensors[f"{name}.conv.weight"] = module.conv.weight * scale.view(-1, 1, 1, 1)
            tensors[f"{name}.conv.bias"] = norm.bias - norm.running_mean * scale
    for key, value in network.state_dict().items():
        if ".norm." not in key and key not in tensors:
            tensors[key] = value
    for name in NAMES:
        tensors[f"heads.{name}.weight"] = tensors[f"heads.{name}.weight"] * rms[name].view(-1, 1, 1, 1)
        tensors[f"heads.{name}.bias"] = tensors[f"heads.{name}.bias"] * rms[name]
    tensors["classifier.weight"] = tensors["classifier.weight"] / rms[NAMES[-1]]
    folded = DreamNet()
    folded.load_state_dict({key: value.detach().cpu().float() for key, value in tensors.items()})
    return folded.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def write(network: DreamNet, path: Path, metadata: Mapping[str, str]) -> None:
    """Writes the tensors as float16 beside `path`, then moves them there, so that a reader never sees half a file."""
    tensors = {key: value.detach().cpu().half().contiguous() for key, value in network.state_dict().items()}
    if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise ValueError("the network holds numbers that float16 cannot: it has not been written")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(safetensors.torch.save(tensors, {**metadata, "checksum": checksum(tensors)}))
    os.replace(partial, path)
