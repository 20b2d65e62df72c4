"""What the tests of networks share: weights that no layer dies under, and a writer of Caffe's files."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path

import pytest
import torch
from torch import Tensor

from zoomdream.networks.googlenet_layers import Variant, tensor_shapes

Writer = Callable[..., None]


@pytest.fixture(scope="session")
def googlenet_tensors() -> Callable[[Variant], dict[str, Tensor]]:
    """Random weights under which no layer dies: He's deviation, the first layer's for pixels of 0..255."""

    def made(variant: Variant) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(1)

        def values(name: str, shape: tuple[int, ...]) -> Tensor:
            deviation = 0.1 if name.endswith("bias") else (2 / prod(shape[1:])) ** 0.5
            return torch.randn(shape, generator=generator) * deviation * (0.1 if name.startswith("conv1_") else 1)

        return {name: values(name, shape) for name, shape in tensor_shapes(variant).items()}

    return made


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without HOME whose number the system has no entry of, as in containers."""
    import pwd

    def unknown(number: int) -> pwd.struct_passwd:
        raise KeyError(number)

    for variable in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


def field(number: int, value: int | float | bytes) -> bytes:
    """One field of protobuf's wire format: a whole number, a float of 4 bytes, or bytes."""
    kind = 0 if isinstance(value, int) else 5 if isinstance(value, float) else 2
    head = varint(number << 3 | kind)
    if isinstance(value, bytes):
        return head + varint(len(value)) + value
    return head + (varint(value) if isinstance(value, int) else struct.pack("<f", value))


def varint(value: int) -> bytes:
    digits = []
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])


def _blob(tensor: Tensor, old: bool) -> bytes:
    data = field(5, tensor.contiguous().numpy().astype("<f4").tobytes())
    if old:  # always four edges, from the right
        edges = [1] * (4 - tensor.ndim) + list(tensor.shape)
        return b"".join(field(1 + index, edge) for index, edge in enumerate(edges)) + data
    return data + field(7, field(1, b"".join(varint(edge) for edge in tensor.shape)))


@pytest.fixture(scope="session")
def write_caffemodel() -> Writer:
    """write(path, {layer: (weight, bias)}, v1=True): a NetParameter as Caffe writes it, with layers without blobs."""

    def write(path: Path, layers: Mapping[str, tuple[Tensor, ...]], v1: bool = False) -> None:
        content = field(1, b"GoogleNet")
        plain = {"data": (), **layers, "inception_3a/output": (), "conv1/7x7_s2_split": ()}
        for name, blobs in plain.items():
            if v1:
                body = field(2, b"bottom") + field(3, b"top") + field(4, name.encode()) + field(5, 4)
                body += b"".join(field(6, _blob(blob, True)) for blob in blobs) + field(7, 1.0)
                content += field(2, body)
            else:
                body = field(1, name.encode()) + field(2, b"Convolution") + field(3, b"bottom")
                body += b"".join(field(7, _blob(blob, False)) for blob in blobs)
                content += field(100, body)
        path.write_bytes(content)

    return write
