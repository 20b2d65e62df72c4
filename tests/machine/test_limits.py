"""How many cores and how much memory there are for this process, and one rule for what counts as out of memory."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch

from zoomdream.machine import limits
from zoomdream.machine.limits import cores, is_out_of_memory

_GIB = 2**30


@pytest.mark.parametrize(("said", "most"), [("150000 100000", 2), ("50000 100000", 1), ("max 100000", None)])
def test_a_container_that_forbids_cores_is_heard(
    said: str, most: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quota = tmp_path / "cpu.max"
    monkeypatch.setattr(limits, "_QUOTA", quota)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(16)), raising=False)
    assert cores() == 16
    quota.write_text(said + "\n")
    assert cores() == (most or 16)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("MPS backend out of memory (MPS allocated: 17.00 GB)"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
    ],
)
def test_a_full_memory_is_known_whoever_says_it(error: Exception) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("The size of tensor a (3) must match the size of tensor b (4)"),
        ValueError("out of memory"),
        KeyboardInterrupt(),
    ],
)
def test_no_other_error_is_taken_for_it(error: BaseException) -> None:
    assert not is_out_of_memory(error)


def test_what_torch_itself_raises_is_known() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert is_out_of_memory(caught.value)


def test_control_groups_limit_what_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    for folder, most in ((inner, "max"), (inner.parent, str(3 * _GIB))):
        (folder / "memory.max").write_text(most)
        (folder / "memory.current").write_text(str(_GIB))
        (folder / "memory.stat").write_text(f"anon 5\ninactive_file {_GIB // 2}\n")
    monkeypatch.setattr(limits, "_groups", lambda: ["0::/outer/inner", "7:cpu,cpuacct:/other", "no colons"])
    assert list(limits._free_in_groups(tmp_path)) == [3 * _GIB - _GIB + _GIB // 2]
