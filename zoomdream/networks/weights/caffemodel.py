"""Caffe's .caffemodel files: the blobs of each layer, read from protobuf's wire format without Caffe or protobuf.

A file is one NetParameter. Its layers are V1LayerParameter (field 2; BVLC's own files of 2014) or LayerParameter (field
100). Only names and blobs are looked at. Every length is checked against what is really there before anything is made
of it, so a damaged or malicious file costs no more memory than its own size.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import torch
from torch import Tensor

# Field numbers, from caffe.proto.
_NET_NAME, _NET_V1_LAYERS, _NET_INPUT, _NET_LAYER = 1, 2, 3, 100
_V1 = {"old": 1, "name": 4, "blobs": 6}
_V2 = {"old": 0, "name": 1, "blobs": 7}
_BLOB_EDGES, _BLOB_DATA, _BLOB_SHAPE, _BLOB_DOUBLES = (1, 2, 3, 4), 5, 7, 8
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5
_MOST_DIMENSIONS = 8
# Far more than any network has. A file of nothing but tiny ones would cost a hundred times its size in memory.
_MOST_BLOBS, _MOST_TENSORS, _MOST_FIELDS = 16, 10_000, 20_000

Field = tuple[int, int, int | memoryview]


def recognise(start: bytes) -> bool:
    """Whether a file with these first bytes (some hundred of them) can be a caffemodel."""
    try:
        fields = _fields(memoryview(start), cut=True)
        number, kind, value = next(fields)
        if number == _NET_NAME and isinstance(value, memoryview):
            bytes(value).decode("utf-8")
            number, kind, value = next(fields)
    except (ValueError, StopIteration):
        return False
    return kind == _BYTES and number in (_NET_V1_LAYERS, _NET_INPUT, _NET_LAYER)


def parse(content: bytes) -> dict[str, Tensor]:
    """The blobs by `LAYER.weight`, `LAYER.bias` (and `LAYER.blob2`, ...), in the shapes that the file says.

    Raises ValueError that says what is wrong.
    """
    found: dict[str, Tensor] = {}
    for count, (number, kind, value) in enumerate(_fields(memoryview(content))):
        if count == _MOST_FIELDS:
            raise ValueError(f"it has more than {_MOST_FIELDS:,} layers")
        if number not in (_NET_V1_LAYERS, _NET_LAYER):
            continue
        numbers = _V1 if number == _NET_V1_LAYERS else _V2
        name, blobs = _layer(_part(kind, value), numbers)
        for index, blob in enumerate(blobs):
            key = f"{name}.{('weight', 'bias')[index] if index < 2 else f'blob{index}'}"
            if key in found:
                raise ValueError(f"two layers are called {name!r}")
            if len(found) == _MOST_TENSORS:
                raise ValueError(f"it has more than {_MOST_TENSORS:,} blobs")
            found[key] = _tensor(blob, key)
    return found


def _layer(layer: memoryview, numbers: dict[str, int]) -> tuple[str, list[memoryview]]:
    name = ""
    blobs: list[memoryview] = []
    for count, (number, kind, value) in enumerate(_fields(layer)):
        if count == _MOST_FIELDS:
            raise ValueError(f"a layer has more than {_MOST_FIELDS:,} fields")
        if number == numbers["name"]:
            name = bytes(_part(kind, value)).decode("utf-8", "replace")
        elif number == numbers["blobs"]:
            if len(blobs) == _MOST_BLOBS:
                raise ValueError(f"a layer has more than {_MOST_BLOBS} blobs")
            blobs.append(_part(kind, value))
        elif number == numbers["old"]:
            raise ValueError("its layers are in Caffe's oldest form; upgrade it with Caffe's upgrade_net_proto_binary")
    return name, blobs


def _tensor(blob: memoryview, name: str) -> Tensor:
    edges, shape, raw, single = [0, 0, 0, 0], None, bytearray(), True
    for number, kind, value in _fields(blob):
        if number in _BLOB_EDGES:
            edges[number - 1] = _whole(kind, value)
        elif number == _BLOB_SHAPE:
            shape = _shape(_part(kind, value))
        elif number in (_BLOB_DATA, _BLOB_DOUBLES):
            # Packed numbers come as one run of bytes or several, others one by one.
            single = number == _BLOB_DATA
            if kind not in (_BYTES, _FOUR_BYTES if single else _EIGHT_BYTES) or isinstance(value, int):
                raise ValueError(f"the numbers of {name} are not stored as numbers")
            raw += value
    shape = edges if shape is None else shape
    size = 4 if single else 8
    # Python's own whole numbers: absurd edges cannot overflow into something that fits.
    if len(shape) > _MOST_DIMENSIONS or any(edge < 0 for edge in shape) or prod(shape) * size != len(raw) or not raw:
        text = "x".join(str(edge) for edge in shape[:_MOST_DIMENSIONS])
        raise ValueError(f"{name} says that it is {text or 'one number'} and holds {len(raw) // size} numbers")
    # The file is little-endian; so is every machine that torch runs on.
    return torch.frombuffer(raw, dtype=torch.float32 if single else torch.float64).reshape(shape)


def _shape(message: memoryview) -> list[int]:
    shape: list[int] = []
    for number, kind, value in _fields(message):
        if number != 1:
            continue
        if kind == _VARINT:
            shape.append(_whole(kind, value))
        else:
            packed, at = _part(kind, value), 0
            while at < len(packed) and len(shape) <= _MOST_DIMENSIONS:
                edge, at = _varint(packed, at)
                shape.append(edge)
        if len(shape) > _MOST_DIMENSIONS:
            raise ValueError("a blob has more dimensions than Caffe knows")
    return shape


def _fields(message: memoryview, cut: bool = False) -> Iterator[Field]:
    """Number, wire type and value of each field. cut: the last one may reach beyond the end."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise ValueError("a field has the number 0")
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, kind, value
            continue
        if kind == _BYTES:
            length, at = _varint(message, at)
        elif kind in (_FOUR_BYTES, _EIGHT_BYTES):
            length = 4 if kind == _FOUR_BYTES else 8
        else:
            raise ValueError(f"a field has the wire type {kind}")
        if at + length > len(message) and not cut:
            raise ValueError("a field reaches beyond the end")
        yield number, kind, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise ValueError("a number is cut off")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number has more than 10 bytes")


def _part(kind: int, value: int | memoryview) -> memoryview:
    if kind != _BYTES or not isinstance(value, memoryview):
        raise ValueError("a field is of another type than in Caffe's files")
    return value


def _whole(kind: int, value: int | memoryview) -> int:
    if kind != _VARINT or not isinstance(value, int):
        raise ValueError("a field is of another type than in Caffe's files")
    return value if value < 2**63 else value - 2**64
