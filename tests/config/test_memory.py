"""Amounts of memory: as people write them, and back."""

from __future__ import annotations

import pytest

from zoomdream.config import load_config
from zoomdream.config.memory import memory_text, parse_memory
from zoomdream.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "mebibytes"),
    [
        ("6 GiB", 6144),
        ("6G", 6144),
        ("1.5gib", 1536),
        ("6 GB", 5722),
        ("2048 MiB", 2048),
        ("2000MB", 1907),
        ("1T", 2**20),
    ],
)
def test_an_amount_is_read_with_its_unit(text: str, mebibytes: int) -> None:
    assert parse_memory(text) == mebibytes * 2**20
    assert parse_memory(memory_text(parse_memory(text))) == parse_memory(text)


@pytest.mark.parametrize("value", ["6", 6, 6.5, "1023 MiB", "17 TiB", "lots", "-6 GiB", "6 KB", True, "6 GiB "[::-1]])
def test_anything_else_is_refused_with_what_is_allowed(value: object) -> None:
    with pytest.raises(ConfigError, match=r"performance\.memory is .*1 GiB to 16 TiB"):
        load_config({"performance": {"memory": value}})


def test_a_config_writes_what_it_read() -> None:
    config = load_config({"performance": {"memory": "6000 MB", "tile": 1024}})
    assert config.tree()["performance"]["memory"] == "5722 MiB"
    assert load_config(config.tree()) == config


@pytest.mark.parametrize("tile", [255, 16385, "large", 512.5, True])
def test_a_tile_has_an_edge_within_range(tile: object) -> None:
    with pytest.raises(ConfigError, match=r"performance\.tile is .*auto, off or 256 to 16384"):
        load_config({"performance": {"tile": tile}})
