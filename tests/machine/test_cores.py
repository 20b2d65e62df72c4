"""How many cores there are for this process, also in a container."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoomdream.machine import cores as module
from zoomdream.machine.cores import cores


@pytest.mark.parametrize(("said", "most"), [("150000 100000", 2), ("50000 100000", 1), ("max 100000", None)])
def test_a_container_that_forbids_cores_is_heard(
    said: str, most: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quota = tmp_path / "cpu.max"
    monkeypatch.setattr(module, "_QUOTA", quota)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(16)), raising=False)
    assert cores() == 16
    quota.write_text(said + "\n")
    assert cores() == (most or 16)
