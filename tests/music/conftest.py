"""Songs that tests of this room hear, each once in a session; the user's own cache is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def click_song(tmp_path: Path) -> Path:
    """Ten seconds that click at every half second from 0.25 s on."""
    from synthetic import song

    return song.write(tmp_path / "clicks.wav", song.clicks([0.25 + number / 2 for number in range(20)], 10.25))
