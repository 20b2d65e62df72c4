"""Reading weights files that came from anywhere, without ever running what is inside them.

A file is known by its first bytes, never by its name. Whatever is wrong with it is an `InputError` of one paragraph.
"""

from __future__ import annotations

import json
import pickle
import pickletools
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from math import prod
from pathlib import Path
from typing import IO

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from zoomdream.errors import InputError, require_file
from zoomdream.networks.weights import caffemodel

MAX_BYTES = 1024**3
# Far more than any network has. Hundreds of thousands of empty tensors would take a minute and a hundred times the
# file's size in memory.
_MOST_TENSORS, _MOST_DIMENSIONS, _LONGEST_HEADER = 10_000, 8, 8_000_000
_FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
# Buffers of whole numbers that networks make themselves: batch norm's counter, Swin's indices.
_WHOLE_NUMBERS = ("num_batches_tracked", "relative_position_index")
# Modules that the pickle of a plain state_dict names. torch decides what is loaded; these only word the refusal.
_PLAIN_MODULES = ("torch", "torch._utils", "torch.storage", "torch._tensor", "collections")


def read_tensors(path: Path, max_bytes: int = MAX_BYTES) -> dict[str, Tensor]:
    """All tensors of a .safetensors, .pth/.pt or .caffemodel file by name, float32 on the CPU, copied out of the file.

    A checkpoint that keeps them one level down in `state_dict` is unwrapped; batch norm's counters and Swin's tables
    of indices are left out. A caffemodel's blobs are called `LAYER.weight` and `LAYER.bias`.
    Raises InputError: missing, not a file, empty, more than max_bytes, cut short, no weights file at all, pickled code
    (which is not executed), values that are no floating-point numbers, NaN or infinite.
    """
    start = _first_bytes(path, max_bytes)
    if start.startswith(b"PK\x03\x04"):
        found = _from_torch(path, zipped=True, max_bytes=max_bytes)
    elif start[:1] == b"\x80":
        found = _from_torch(path, zipped=False, max_bytes=max_bytes)
    elif start[8:9] == b"{":
        found = _from_safetensors(path)
    elif caffemodel.recognise(start):
        found = _from_caffe(path)
    else:
        raise InputError(
            f"{path} is no weights file: {_what_it_is(start)}. "
            "Allowed are .safetensors, .pth/.pt and .caffemodel files."
        )
    return {name: _checked(path, name, tensor) for name, tensor in _bounded(path, found, max_bytes).items()}


def _first_bytes(path: Path, max_bytes: int) -> bytes:
    require_file(path, "a weights file")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(512)
    except OSError as error:
        raise InputError(f"The weights file {path} cannot be read: {error.strerror or error}.") from None
    if size == 0:
        raise InputError(f"The weights file {path} is empty.")
    if size > max_bytes:
        raise InputError(f"The weights file {path} has {_megabytes(size)}; at most {_megabytes(max_bytes)} are read.")
    return start


def _what_it_is(start: bytes) -> str:
    if start.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer, the weights themselves were never downloaded"
    if start.lstrip()[:1] == b"<":
        return "it is a web page, as a download that went wrong leaves behind"
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3 or b"\0" in start:  # else the 512 bytes just end inside a letter
            return "its first bytes belong to none of the formats"
    return "it is a text file" if b"\0" not in start else "its first bytes belong to none of the formats"


def _from_safetensors(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length <= path.stat().st_size and (
                length > _LONGEST_HEADER or len(json.loads(file.read(length))) > _MOST_TENSORS + 1
            ):
                raise _too_many(path)
        return dict(safetensors.torch.load_file(path))
    except (
        safetensors.SafetensorError,
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RuntimeError,
    ) as error:
        # KeyError and AttributeError: a dtype that this torch does not have. RuntimeError: nested without end, too.
        raise _damaged(path, _one_line(error)) from None


def _from_caffe(path: Path) -> dict[str, object]:
    try:
        return dict(caffemodel.parse(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise _damaged(path, _one_line(error)) from None


def _from_torch(path: Path, zipped: bool, max_bytes: int) -> dict[str, object]:
    """What `torch.save` wrote. Not mapped into memory: a long render would crash if somebody replaced the file."""
    if zipped:
        _check_archive(path, max_bytes)
    if sum(name == "REDUCE" for name, _ in _operations(path, zipped)) > 5 * _MOST_TENSORS:  # at most five for each
        raise _too_many(path)
    try:
        # An open file, because torch.load would take the name's word for what is inside.
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")  # about pickle protocols, no help to somebody with a damaged file
            content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        refusal = _pickled_code(path) if _names_code(path, zipped) else _damaged(path, "its pickle holds no tensors")
        raise refusal from None
    except Exception as error:  # Damaged bytes raise anything: EOFError, KeyError, RuntimeError, struct.error, ...
        raise _damaged(path, _one_line(error)) from None
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping):
        raise InputError(f"The weights file {path} holds one {type(content).__name__}, not tensors by name.")
    return {str(name): value for name, value in content.items()}


def _check_archive(path: Path, max_bytes: int) -> None:
    """`torch.save` never compresses, so nothing in an honest archive is larger than the file itself.

    The checksums are compared here because `torch.load` does not.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            names = [entry.filename.partition("/")[2] for entry in entries]
            if any(name.startswith("code/") for name in names):
                raise _pickled_code(path)
            packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
            if packed or "data.pkl" not in names or sum(entry.file_size for entry in entries) > max_bytes:
                raise InputError(f"{path} is a zip archive, but not one that torch.save wrote.")
            if broken := archive.testzip():
                raise _damaged(path, f"the checksum of {broken} is wrong")
    except InputError:
        raise
    except Exception as error:  # Damaged sizes raise anything here too: EOFError, zlib.error, NotImplementedError, ...
        raise _damaged(path, _one_line(error)) from None


def _names_code(path: Path, zipped: bool) -> bool:
    """True if the pickle, taken apart without running it, names anything besides tensors and plain containers."""
    return any(
        name in ("STACK_GLOBAL", "INST") or (name == "GLOBAL" and argument.split(" ")[0] not in _PLAIN_MODULES)
        for name, argument in _operations(path, zipped)
    )


def _operations(path: Path, zipped: bool) -> Iterator[tuple[str, str]]:
    """What the pickle would do, with the argument of each, as far as it can be read; nothing of it is done."""
    with suppress(Exception), ExitStack() as stack:  # the end, or no pickle any more: damaged bytes raise anything
        stream: IO[bytes] = stack.enter_context(path.open("rb"))
        if zipped:
            archive = stack.enter_context(zipfile.ZipFile(stream))
            name = next(entry for entry in archive.namelist() if entry.partition("/")[2] == "data.pkl")
            stream = stack.enter_context(archive.open(name))
        for _ in range(5):  # before 2020 torch.save wrote several pickles, one after the other, and then the numbers
            for operation, argument, _ in pickletools.genops(stream):
                yield operation.name, str(argument) if operation.name == "GLOBAL" else ""


def _too_many(path: Path) -> InputError:
    return InputError(f"The weights file {path} holds more than {_MOST_TENSORS:,} tensors; no network has as many.")


def _damaged(path: Path, reason: str) -> InputError:
    return InputError(f"The weights file {path} is cut short or damaged ({reason}).")


def _pickled_code(path: Path) -> InputError:
    return InputError(
        f"The weights file {path} contains pickled code, not just tensors; nothing of it was executed. Load it where "
        f"you trust it and save its state_dict() with safetensors.torch.save_file or torch.save."
    )


def _bounded(path: Path, found: Mapping[str, object], max_bytes: int) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for name, value in found.items():
        if name.endswith(_WHOLE_NUMBERS):
            continue
        if not isinstance(value, Tensor):
            raise InputError(f"The weights file {path} holds {name!r}, a {type(value).__name__} and not a tensor.")
        if value.ndim > _MOST_DIMENSIONS:
            raise InputError(f"The tensor {name[:80]!r} of the weights file {path} has {value.ndim} dimensions.")
        tensors[name] = value
    if len(tensors) > _MOST_TENSORS:
        raise _too_many(path)
    if not tensors:
        raise InputError(f"The weights file {path} holds no tensors.")
    # A tensor can repeat a few stored bytes without end (stride 0), so the file's own size does not bound this.
    # Python's own whole numbers: torch's overflow.
    total = 4 * sum(prod(tensor.shape) for tensor in tensors.values())
    if total > max_bytes:
        raise InputError(
            f"The tensors of {path} would take {_megabytes(total)}; at most {_megabytes(max_bytes)} are read."
        )
    return tensors


def _checked(path: Path, name: str, tensor: Tensor) -> Tensor:
    if tensor.layout != torch.strided or tensor.dtype not in _FLOATS or tensor.is_meta:
        kind = str(tensor.dtype if tensor.layout == torch.strided else tensor.layout).removeprefix("torch.")
        kind = "without numbers (a meta tensor)" if tensor.is_meta else kind
        raise InputError(
            f"The tensor {name!r} of the weights file {path} is {kind}; "
            "allowed are float32, float16, bfloat16 and float64."
        )
    # The copy frees us from the file, which safetensors keeps mapped.
    try:
        copy = tensor.detach().to(torch.float32, copy=True)
    except RuntimeError as error:
        raise _damaged(path, _one_line(error)) from None
    if not bool(torch.isfinite(copy).all()):
        raise InputError(f"The tensor {name!r} of the weights file {path} has values that are NaN or infinite.")
    return copy


def _one_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return json.dumps(lines[0][:120])[1:-1] if lines else type(error).__name__


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size >= 1e6 else f"{size:,} bytes"
