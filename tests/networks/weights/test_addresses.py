"""Where weights files are kept: the folder of every user so far."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from zoomdream.machine.files import cache_folder
from zoomdream.networks.weights.addresses import WEIGHTS, cached


def test_the_variable_for_caches_counts_on_every_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "zoomdream"
    assert list(tmp_path.iterdir()) == [], "nothing is made"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other folders")
@pytest.mark.parametrize("empty", [True, False])
def test_without_it_linux_has_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, empty: bool) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if empty:
        monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache/zoomdream"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has its own variables for this")
def test_a_user_without_a_home_has_none(homeless: None) -> None:
    assert cache_folder() is None
    assert all(cached(name) is None for name in WEIGHTS)


def test_a_file_that_is_there_is_found_by_any_of_its_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "zoomdream").mkdir()
    for name, weights in WEIGHTS.items():
        for file in weights.files:
            path = tmp_path / "zoomdream" / file
            path.touch()
            assert cached(name) == path
            path.unlink()
        assert cached(name) is None
