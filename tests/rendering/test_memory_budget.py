"""How large a tile may be: what memory there is, what a render takes, and what a user allows."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.tiny_network import TinyNetwork
from zoomdream import assembly, pipeline_droste
from zoomdream.config import Config, load_config
from zoomdream.errors import ConfigError
from zoomdream.machine import limits
from zoomdream.machine.tensor_bytes import most_bytes
from zoomdream.networks import dreamnet
from zoomdream.rendering import memory_budget as room
from zoomdream.rendering.plan import make_plan, resolved
from zoomdream.stages import DrosteStages
from zoomdream.types import Plan

GIB = 2**30
PRORES_AND_AV1 = ((".mov", "prores"), (".mp4", "av1"))


def config(memory: str = "auto", size: tuple[int, int] = (3840, 2160), **keys: Any) -> Config:
    return load_config({"size": list(size), "performance": {"memory": memory, "precision": "float32"}, **keys})


@pytest.fixture
def plenty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "available_memory", lambda: 64 * GIB)


@pytest.mark.usefixtures("plenty")
def test_a_picture_that_fits_has_no_tiles() -> None:
    assert room.tile_edge(config(), "cpu", "float32") == 0
    assert room.tile_edge(config("2 GiB", (640, 360)), "cpu", "float32") == 0


@pytest.mark.usefixtures("plenty")
def test_a_smaller_limit_means_smaller_tiles() -> None:
    edges = [room.tile_edge(config(memory), "cpu", "float32") for memory in ("6 GiB", "5.5 GiB", "5 GiB", "4.5 GiB")]
    assert edges == sorted(edges, reverse=True)
    assert 256 <= edges[-1] < edges[0] < 3840


@pytest.mark.usefixtures("plenty")
def test_half_the_precision_leaves_room_for_larger_tiles() -> None:
    tight = config("4.5 GiB")
    assert room.tile_edge(tight, "cpu", "bfloat16") > 1.1 * room.tile_edge(tight, "cpu", "float32")


def test_what_is_free_counts_even_where_the_user_allows_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "available_memory", lambda: 6 * GIB)
    assert room.tile_edge(config("60 GiB"), "cpu", "float32") == room.tile_edge(config(), "cpu", "float32") > 0


@pytest.mark.usefixtures("plenty")
def test_where_memory_is_short_for_the_moment_the_smallest_tiles_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "free_memory", lambda _: GIB // 100)
    assert room.tile_edge(config("auto"), "cpu", "float32") == room.SMALLEST_EDGE


def test_a_limit_that_no_tile_fits_into_is_an_error_that_says_what_is_needed() -> None:
    with pytest.raises(ConfigError, match=r"performance\.memory: too little for 3840x2160, which takes \d\.\d GiB"):
        room.tile_edge(config("2 GiB"), "cpu", "float32")


@pytest.mark.usefixtures("plenty")
def test_what_is_dreamt_around_the_frame_takes_memory_too() -> None:
    near, away = (config("6 GiB", camera={"zoom": zoom}) for zoom in (1.2, 0.8))
    assert room.tile_edge(away, "cpu", "float32") < (room.tile_edge(near, "cpu", "float32") or 3840)


def test_some_of_the_free_memory_stays_free(monkeypatch: pytest.MonkeyPatch) -> None:
    edges = []
    for free, limit in ((6, "auto"), (64, "6 GiB")):
        monkeypatch.setattr(limits, "available_memory", lambda free=free: free * GIB)
        edges.append(room.tile_edge(config(limit), "cpu", "float32"))
    assert edges[0] < edges[1]


def test_clips_and_hungry_encoders_leave_less_for_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    prores, av1 = (config(output=f"a{end}", encode={"codec": codec}) for end, codec in PRORES_AND_AV1)
    of_a_zoom = room._besides(av1, "cpu", 10**6)
    assert of_a_zoom > room._besides(prores, "cpu", 10**6)
    assert room._besides(av1, "cuda", 10**6) == room._besides(prores, "cuda", 10**6), "ffmpeg is not on the GPU"
    monkeypatch.setattr(room, "open_source", lambda _: SimpleNamespace(moving=True))
    assert room._besides(av1, "cpu", 10**6) > of_a_zoom


@pytest.mark.usefixtures("plenty")
def test_tiles_leave_a_third_of_the_memory_to_the_gaps_between_tensors() -> None:
    tight = config("4.5 GiB")
    each = room.bytes_per_pixel(dreamnet.load(), frozenset({"mixed4c"}), "float32")
    left = 4.5 * GIB - room._besides(tight, "cpu", 3840 * 2160)
    assert each * room.tile_edge(tight, "cpu", "float32") ** 2 < 0.7 * left


@pytest.mark.usefixtures("plenty")
def test_all_networks_of_a_config_must_fit_at_once_for_a_picture_without_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = (TinyNetwork(), frozenset({"shapes"}))
    taken = room._besides(config(), "cpu", 3840 * 2160) + 1.5 * room.bytes_per_pixel(*tiny, "float32") * 3840 * 2160
    whole = []
    for count in (1, 2):
        monkeypatch.setattr(room, "_networks", lambda _, count=count: [tiny] * count)
        whole.append(room.tile_edge(config(f"{int(taken / 2**20)} MiB"), "cpu", "float32") == 0)
    assert whole == [True, False]


def test_whole_numbers_take_as_much_in_any_precision() -> None:
    class Sorted(TinyNetwork):
        def forward(self, image: torch.Tensor, wanted: frozenset[str]) -> dict[str, torch.Tensor]:
            self.kept = [image.argsort(dim=axis) for axis in (2, 3)]
            return super().forward(image, wanted)

    more = [
        room.bytes_per_pixel(Sorted(), frozenset({"shapes"}), precision)
        - room.bytes_per_pixel(TinyNetwork(), frozenset({"shapes"}), precision)
        for precision in ("float32", "bfloat16")
    ]
    assert more[1] == pytest.approx(more[0], rel=0.1)
    assert more[0] > 3 * 8


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_memory_is_foretold_for_what_the_network_keeps(precision: str) -> None:
    class Doubled(TinyNetwork):
        def forward(self, image: torch.Tensor, wanted: frozenset[str]) -> dict[str, torch.Tensor]:
            once, twice = super().forward(image, wanted), super().forward(image, wanted)
            return {name: once[name] * twice[name] for name in wanted}

    layers = frozenset({"shapes"})
    one, two = (room.bytes_per_pixel(network, layers, precision) for network in (TinyNetwork(), Doubled()))
    assert 24 < one < two < 2.5 * one


def test_deeper_layers_and_finer_numbers_take_more_memory() -> None:
    network = dreamnet.load()
    shallow, deep, half = (
        room.bytes_per_pixel(network, frozenset({layer}), precision)
        for layer, precision in (("mixed3a", "float32"), ("mixed5b", "float32"), ("mixed5b", "bfloat16"))
    )
    assert half < shallow < deep
    assert deep <= room._MOST["dreamnet"]


@pytest.mark.usefixtures("plenty")
def test_a_plan_keeps_the_tile_of_an_earlier_start() -> None:
    first = make_plan(config("4.5 GiB"))
    assert make_plan(config("5 GiB"), first).tile == first.tile
    told = resolved(config("4.5 GiB"), first).performance
    assert told.tile == first.tile
    assert make_plan(load_config({"performance": {"tile": 512}}), first).tile == 512
    assert resolved(load_config({"performance": {"tile": "off"}}), first).performance.tile == first.tile
    assert make_plan(load_config({"performance": {"tile": "off"}}), first).tile == 0


@pytest.mark.usefixtures("plenty")
def test_a_picture_that_contains_itself_fits_into_6_gib_in_4k() -> None:
    droste = {"camera": {"space": "droste"}}
    assert 1536 < room.tile_edge(config("6 GiB", **droste), "cpu", "float32") < 3840
    assert room.tile_edge(config("6 GiB", (1280, 720), **droste), "cpu", "float32") == 0
    with pytest.raises(ConfigError, match="too little for 3840x2160"):  # a living one is dreamt on beside the encoder
        room.tile_edge(config("6 GiB", camera={"space": "droste", "droste": {"alive": 2}}), "cpu", "float32")
    with pytest.raises(ConfigError, match="too little for 3840x2160"):  # tiles would fit, but not the film
        room.tile_edge(config("5 GiB", **droste), "cpu", "float32")


def test_where_memory_is_short_for_a_strip_its_tiles_take_all_that_dreaming_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    film = config(size=(1920, 1080), camera={"space": "droste"})
    edges = []
    for free in (3, 3.5, 4, 7):
        monkeypatch.setattr(room, "free_memory", lambda _, free=free: int(free * GIB / room._SPARE))
        edges.append(room.tile_edge(film, "cpu", "float32"))
    assert edges == [pytest.approx(1130, abs=60), pytest.approx(1540, abs=60), pytest.approx(1860, abs=60), 0]


class Seeing(TinyNetwork):
    """Keeps the sizes of the pictures that it has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def forward(self, image: torch.Tensor, wanted: frozenset[str]) -> dict[str, torch.Tensor]:
        self.seen.append(image.shape[-2] * image.shape[-1])
        return super().forward(image, wanted)


@pytest.mark.parametrize("tile", [0, 256])
def test_a_strip_takes_what_is_foretold_and_the_network_sees_what_is_wrapped_twice(tile: int) -> None:
    film = config(size=(640, 360), camera={"space": "droste"}, objective=[{"layer": "shapes"}], dream={"steps": 1})
    texels, seen = room._canvas(film)
    network = Seeing()
    plan = Plan("cpu", "float32", 1, "yuv420p", tile=tile)
    with closing(assembly.open_stages(film, plan, network)) as stages:
        assert isinstance(stages, DrosteStages)
        last = replace(stages, growth=stages.growth[-1:])
        counted = sum(most_bytes(lambda: pipeline_droste.begin_droste(last)))
    if tile:
        assert 0.3 < counted / texels / room._STRIP < 1
    else:
        assert max(network.seen) == seen
