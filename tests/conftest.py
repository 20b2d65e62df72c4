"""What every test may use. Tests marked `assets` need real weights and photos and are skipped where those are not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs the assets where ZOOMDREAM_ASSETS does not name them."""
    if os.environ.get("ZOOMDREAM_ASSETS"):
        return
    for item in items:
        if item.get_closest_marker("assets"):
            item.add_marker(pytest.mark.skip(reason="ZOOMDREAM_ASSETS is not set"))


@pytest.fixture
def assets() -> Path:
    """The folder of real weights and photos; use it only in tests marked `assets`."""
    folder = os.environ.get("ZOOMDREAM_ASSETS")
    if not folder:
        pytest.skip("ZOOMDREAM_ASSETS is not set")
    return Path(folder)
