"""What the tests of the render loop share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rendering.rendering import Rendering


@pytest.fixture
def start() -> Callable[[Path, int, float], Rendering]:
    """Start a synthetic render: output, frames, seconds per frame."""
    return Rendering
