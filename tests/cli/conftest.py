"""What the tests of the commands share: a folder with a config that renders in no time."""

from __future__ import annotations

from pathlib import Path

import pytest

TINY = """\
# comment
size: [64, 48]
fps: 10
frames: 4
network: {{weights: {weights}}}
dream: {{octaves: 1, steps: 1, warmup: 0}}
"""


@pytest.fixture
def here(tmp_path: Path, untrained_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a config, tiny.yaml, of four frames."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(TINY.format(weights=untrained_weights))
    return tmp_path
