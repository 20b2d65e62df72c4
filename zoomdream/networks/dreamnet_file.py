"""The file that dreamnet's weights come in: read whole, or refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from zoomdream.errors import InputError

FILE_NAME = "dreamnet.safetensors"
_LARGEST_FILE = 64 * 2**20


def checksum(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, shapes, types and bytes of the tensors, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        # Flat first: a channels-last 1x1 kernel counts as contiguous and yet cannot be viewed as bytes.
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def read(path: Path | None = None) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors (as stored, float16) and metadata of a dreamnet file; the embedded one without a path.

    InputError if the file is missing, not a safetensors file, or its tensors do not fit its checksum.
    """
    place = "the embedded network's file" if path is None else str(path)
    again = "Install zoomdream again." if path is None else "Give a file that scripts/train_dreamnet.py has written."
    try:
        source = resources.files("zoomdream").joinpath("data", FILE_NAME) if path is None else path
        with source.open("rb") as file:
            raw = file.read(_LARGEST_FILE + 1)
        if len(raw) > _LARGEST_FILE:
            raise InputError(f"{place} is no dreamnet file: it is larger than {_LARGEST_FILE >> 20} MiB. {again}")
        tensors: dict[str, Tensor] = safetensors.torch.load(raw)
        header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
        metadata = {str(key): str(value) for key, value in header.get("__metadata__", {}).items()}
    except OSError as error:
        raise InputError(f"{place} cannot be read: {error.strerror or error}. {again}") from error
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise InputError(f"{place} is not a whole safetensors file ({error}). {again}") from error
    if metadata.get("checksum") != checksum(tensors):
        raise InputError(f"{place} is damaged or no dreamnet file: its tensors do not fit its checksum. {again}")
    return tensors, metadata
