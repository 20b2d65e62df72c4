"""The state after a frame as a file, to the last bit, with checksums of itself and of the units that lead up to it."""

from __future__ import annotations

import errno
import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor

from zoomdream.errors import OutputError
from zoomdream.machine.files import discard, open_regular, settle, temporary_name
from zoomdream.types import State

STATE_FILE = "state.safetensors"
BEFORE_FILE = "state.before.safetensors"
"""The state before the last one, with which a render goes on where that, or the last unit, is damaged."""
_TENSORS = ("picture", "seen", "added", "grown")
_STATES = ("key", "lead")
_MOST_HEADER = 100_000_000  # bytes; safetensors takes no more
_WRONG = (OSError, SafetensorError, KeyError, TypeError, ValueError, AttributeError, RuntimeError)
"""What reading something else than a state can raise."""


def save_state(path: Path, state: State, sums: Sequence[str] = (), *, alone: bool = False) -> None:
    """Write a state and the checksums of all units up to it, whole or not at all; the one that was there stays beside
    it, but `alone`. Raises OSError.
    """
    facts, pictures = _packed(state)
    facts["sums"] = " ".join(sums)
    facts["checksum"] = _checksum(facts, pictures)
    temporary = temporary_name(path)
    try:
        save_file(pictures, temporary, metadata=facts)
        if not alone:
            before = path.with_name(BEFORE_FILE)
            discard(before)
            with suppress(OSError):  # a disk without hard links keeps one state
                os.link(path, before)
        settle(temporary, path)
    except SafetensorError as error:  # it wraps the system's error in words of its own
        full = "No space left" in str(error) or "StorageFull" in str(error)
        raise OSError(errno.ENOSPC if full else errno.EIO, str(error)) from error
    finally:
        discard(temporary)


def read_index(path: Path) -> int | None:
    """The number of the frame that a state follows, without the state; None where there is none to be read."""
    try:
        return int(_facts(path)["index"])
    except _WRONG:
        return None


def read_sums(path: Path) -> list[str]:
    """The checksums that were saved with a state; none where there are none to be read."""
    try:
        return _facts(path)["sums"].split()
    except _WRONG:
        return []


def _facts(path: Path) -> Mapping[str, str]:
    with open_regular(path) as file:
        length = int.from_bytes(file.read(8), "little")
        facts: Mapping[str, str] = json.loads(file.read(min(length, _MOST_HEADER)))["__metadata__"]
    return facts


def read_state(path: Path) -> State | None:
    """The state in a file, on the CPU; None where there is none. OutputError where it is damaged."""
    if not os.path.lexists(path):
        return None
    try:
        facts = dict(_facts(path))
        with open_regular(path) as file:  # by itself, safetensors opens no names that are no UTF-8
            # A copy: the tensor itself lives in the file's bytes, at an address of another alignment than any other,
            # on which the rounding of sums may depend.
            pictures = {name: tensor.clone() for name, tensor in load(file.read()).items()}
        if facts.pop("checksum") != _checksum(facts, pictures):
            raise ValueError("its checksum is wrong")
        return _unpacked(facts, pictures)
    except _WRONG as error:
        raise OutputError(f"{path} is damaged ({error}); `--restart` begins anew.") from error


def _checksum(facts: Mapping[str, str], pictures: Mapping[str, Tensor]) -> str:
    total = zlib.crc32(repr(sorted(facts.items())).encode())
    for name, picture in sorted(pictures.items()):
        total = zlib.crc32(f"{name} {picture.dtype} {tuple(picture.shape)}".encode(), total)
        total = zlib.crc32(picture.numpy().data if picture.numel() else b"", total)
    return f"{total:08x}"


def _packed(state: State) -> tuple[dict[str, str], dict[str, Tensor]]:
    """A state as safetensors can keep it: contiguous, with a note on which tensors are channels-last."""
    pictures = {name: part.detach().cpu() for name, part in _parts(state)}
    last = [
        name
        for name, picture in pictures.items()
        if picture.is_contiguous(memory_format=torch.channels_last) and not picture.is_contiguous()
    ]
    facts = {**_indices(state), "channels_last": " ".join(last)}
    return facts, {name: picture.contiguous().clone() for name, picture in pictures.items()}


def _parts(state: State, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """The tensors of a state, those of the states in it too, with their names."""
    for name in _TENSORS:
        part = getattr(state, name)
        if part is not None:
            yield prefix + name, part
    for name in _STATES:
        if getattr(state, name) is not None:
            yield from _parts(getattr(state, name), f"{prefix}{name}.")


def _indices(state: State, prefix: str = "") -> dict[str, str]:
    """The number of a state's frame, and those of the states in it."""
    found = {f"{prefix}index": str(state.index)}
    for name in _STATES:
        if getattr(state, name) is not None:
            found |= _indices(getattr(state, name), f"{prefix}{name}.")
    return found


def _unpacked(facts: Mapping[str, str], pictures: Mapping[str, Tensor]) -> State:
    """The reverse of `_packed`. KeyError, TypeError or ValueError for what it did not make."""
    if any(picture.dtype != torch.float32 or picture.ndim != 4 for picture in pictures.values()):
        raise ValueError("its tensors are no pictures")
    last = facts["channels_last"].split()
    laid_out = {
        name: picture.contiguous(memory_format=torch.channels_last) if name in last else picture
        for name, picture in pictures.items()
    }
    return _state(facts, laid_out, "")


def _state(facts: Mapping[str, str], pictures: Mapping[str, Tensor], prefix: str) -> State:
    parts: dict[str, Any] = {name: pictures[prefix + name] for name in _TENSORS if prefix + name in pictures}
    for name in _STATES:
        if f"{prefix}{name}.index" in facts:
            parts[name] = _state(facts, pictures, f"{prefix}{name}.")
    return State(int(facts[f"{prefix}index"]), **parts)
