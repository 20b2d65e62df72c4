"""The state after a frame as a file, to the last bit."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from zoomdream.errors import OutputError
from zoomdream.machine.files import discard, settle, temporary_name
from zoomdream.types import State

STATE_FILE = "state.safetensors"


def save_state(path: Path, state: State) -> None:
    """Write a state, whole or not at all. Raises OSError."""
    facts, pictures = _packed(state)
    temporary = temporary_name(path)
    try:
        save_file(pictures, temporary, metadata=facts)
        settle(temporary, path)
    except SafetensorError as error:  # it wraps the system's error in words of its own
        full = "No space left" in str(error) or "StorageFull" in str(error)
        raise OSError(errno.ENOSPC if full else errno.EIO, str(error)) from error
    finally:
        discard(temporary)


def read_index(path: Path) -> int | None:
    """The number of the frame that a state follows, without the state; None where there is none to be read."""
    try:
        with safe_open(path, framework="pt") as file:
            return int(file.metadata()["index"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None


def read_state(path: Path) -> State | None:
    """The state in a file, on the CPU; None where there is none. OutputError where it is damaged."""
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            # A copy: the tensor itself lives in the mapped file, which Windows then lets nobody replace, and at an
            # address of a coarser alignment than any other, on which the rounding of sums may depend.
            return _unpacked(file.metadata(), {name: file.get_tensor(name).clone() for name in file.keys()})  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise OutputError(f"{path} is damaged ({error}); `--restart` begins anew.") from error


def _packed(state: State) -> tuple[dict[str, str], dict[str, Tensor]]:
    """A state as safetensors can keep it: contiguous, with a note on which tensors are channels-last."""
    pictures = {name: part.detach().cpu() for name, part in _parts(state)}
    last = [
        name
        for name, picture in pictures.items()
        if picture.is_contiguous(memory_format=torch.channels_last) and not picture.is_contiguous()
    ]
    facts = {"index": str(state.index), "channels_last": " ".join(last)}
    if state.key is not None:
        facts["key.index"] = str(state.key.index)
    return facts, {name: picture.contiguous().clone() for name, picture in pictures.items()}


def _parts(state: State, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """The tensors of a state, those of its key too, with their names."""
    for name in ("picture", "seen", "added"):
        part = getattr(state, name)
        if part is not None:
            yield prefix + name, part
    if state.key is not None:
        yield from _parts(state.key, "key.")


def _unpacked(facts: Mapping[str, str], pictures: Mapping[str, Tensor]) -> State:
    """The reverse of `_packed`. KeyError, TypeError or ValueError for what it did not make."""
    last = facts["channels_last"].split()
    laid_out = {
        name: picture.contiguous(memory_format=torch.channels_last) if name in last else picture
        for name, picture in pictures.items()
    }
    key = None
    if "key.index" in facts:
        of_key = {name.removeprefix("key."): laid_out.pop(name) for name in pictures if name.startswith("key.")}
        key = State(int(facts["key.index"]), of_key.pop("picture"), of_key.pop("seen", None), of_key.pop("added", None))
    picture, seen, added = laid_out.pop("picture"), laid_out.pop("seen", None), laid_out.pop("added", None)
    return State(int(facts["index"]), picture, seen, added, key)
