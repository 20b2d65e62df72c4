"""Which octaves a frame of any size has, and how many steps each."""

from __future__ import annotations

import pytest

from zoomdream.config import load_config
from zoomdream.errors import ConfigError


def test_steps_are_one_number_or_one_for_each_octave() -> None:
    assert load_config({"dream": {"steps": 5, "octaves": 2}}).octaves.steps == (5, 5)
    listed = load_config({"dream": {"steps": [6, 4, 2], "octaves": 3}})
    assert listed.octaves.steps == (6, 4, 2)
    assert load_config(listed.tree()) == listed
    with pytest.raises(ConfigError, match=r"dream\.steps lists 2 numbers, and dream\.octaves is 3"):
        load_config({"dream": {"steps": [6, 4], "octaves": 3}})
    with pytest.raises(ConfigError, match=r"dream\.steps\.1 is -4\. Allowed: a whole number from 0 to 200, or a list"):
        load_config({"dream": {"steps": [6, -4, 2]}})
    with pytest.raises(ConfigError, match=r"dream\.steps is 'many'|dream\.steps is \"many\""):
        load_config({"dream": {"steps": "many"}})


def test_octaves_lead_from_the_same_coarsest_edge_to_any_size() -> None:
    def sizes(width: int, height: int, **dream: object) -> list[int]:
        found = load_config({"size": [width, height], "dream": dream}).octaves
        return [round(height / found.scale**octave) for octave in reversed(range(found.count))]

    assert sizes(320, 180) == [180]
    assert sizes(640, 360) == sizes(640, 360, octaves=3) == [184, 257, 360]
    assert sizes(1280, 720) == [184, 259, 364, 512, 720]
    assert sizes(1920, 1080)[0] == sizes(3840, 2160)[0] == 184
    assert sizes(640, 360, coarsest=100) == [100, 138, 190, 261, 360]
    for scale in (1.05, 1.4, 4):
        for edge in (16, 190, 200, 360, 1080, 8192):
            found = load_config({"size": [edge, edge], "dream": {"octave_scale": scale}}).octaves
            assert 1 <= found.count == len(found.steps) <= 12
            assert 1.05 <= found.scale <= 4


def test_octaves_beyond_those_of_640x360_only_add_detail_and_of_missing_ones_half_the_steps_are_kept() -> None:
    def found(edge: int, **dream: object) -> tuple[tuple[int, ...], int]:
        octaves = load_config({"size": [edge, edge], "dream": dream}).octaves
        return octaves.steps, octaves.detailing

    assert [found(edge) for edge in (180, 240, 360, 720)] == [((8,), 0), ((4, 6), 0), ((4, 4, 4), 0), ((4,) * 5, 2)]
    assert [found(edge, steps=[6, 3, 1])[0] for edge in (180, 360, 720)] == [(8,), (6, 3, 1), (6, 3, 1, 1, 1)]
    assert found(720, octaves=5) == ((4,) * 5, 0)
    finest = [load_config({"size": [edge, edge]}).octaves.finest for edge in (180, 240, 360, 720)]
    assert finest == pytest.approx([12 / 8, 8 / 6, 1, 1])  # in all as much is changed
