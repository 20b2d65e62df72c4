"""Tiles: the gradient of the whole picture, whatever is wished for, and nothing to be seen of where they meet."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from tests.tiny_network import TinyNetwork
from zoomdream.config import load_config
from zoomdream.dream.ascent import View, objective_gradient
from zoomdream.dream.objective import weighted_sum
from zoomdream.dream.octaves import Recipe, dream
from zoomdream.dream.terms import ClassTerm, GuideTerm, LayerTerm, ObjectiveTerm, Pick, TilePlace
from zoomdream.dream.tile_size import SMALLEST_EDGE, TileSize, receptive_field
from zoomdream.dream.tiles import TiledObjective, spans
from zoomdream.errors import ConfigError
from zoomdream.randomness import generator, natural_noise
from zoomdream.types import Layer

PICTURE = (0.45 + 0.2 * natural_noise((150, 210), generator(4))).clamp(0, 1)
EDGE = 96


class Classifier(TinyNetwork):
    """The tiny network with classes."""

    layers = (*TinyNetwork.layers, Layer("logits", 12, 4, 1.0))

    def forward(self, image: Tensor, wanted: frozenset[str]) -> dict[str, Tensor]:
        shapes = super().forward(image, frozenset({"shapes"}))["shapes"]
        return {"shapes": shapes, "logits": shapes.mean(dim=(2, 3))}


def whole(network: TinyNetwork, terms: list[ObjectiveTerm], picture: Tensor) -> Tensor:
    return weighted_sum(network(picture, frozenset(term.layer for term in terms)), terms)


def tiled(
    terms: list[ObjectiveTerm], room: TileSize, network: TinyNetwork | None = None, halo: int = 20
) -> TiledObjective:
    network = network or TinyNetwork()
    room.halo = halo
    return TiledObjective([(network, terms)], partial(whole, network, terms), room)


def untiled(terms: list[ObjectiveTerm], network: TinyNetwork | None = None, picture: Tensor = PICTURE) -> Tensor:
    return objective_gradient(picture, partial(whole, network or TinyNetwork(), terms))


def likeness(one: Tensor, other: Tensor) -> float:
    return float((one * other).sum() / (one.norm() * other.norm()))


GUIDE = torch.rand(12, 30, generator=generator(5))
TERMS: dict[str, list[ObjectiveTerm]] = {
    "a layer": [LayerTerm("shapes")],
    "channels that get their share": [LayerTerm("shapes", diversity=0.8)],
    "channels in favour": [LayerTerm("shapes", diversity=0.5, emphasis=torch.arange(12.0), channels=(1, 5, 7))],
    "the strongest channels": [LayerTerm("shapes", pick=Pick("strongest", 3))],
    "a place": [LayerTerm("shapes", at=(0.45, 0.6))],
    "several layers, one against": [
        LayerTerm("edges", weight=-0.4),
        LayerTerm("shapes", diversity=0.8),
        LayerTerm("gone", weight=0),
    ],
    "a guide's places": [GuideTerm("shapes", positions=GUIDE)],
    "a guide's channels": [GuideTerm("shapes", channels=GUIDE.mean(1))],
    "classes on a map": [ClassTerm("shapes", (2, 3))],
}


@pytest.mark.parametrize("terms", TERMS.values(), ids=TERMS)
def test_tiles_have_the_gradient_of_the_whole_picture(terms: list[ObjectiveTerm]) -> None:
    found = tiled(terms, TileSize(EDGE, (), "cpu")).gradient(PICTURE, (0.3, -0.7))
    assert torch.allclose(found, untiled(terms), atol=1e-4 * float(untiled(terms).abs().max()))


def test_the_classes_of_tiles_are_nearly_those_of_the_whole_picture() -> None:
    terms: list[ObjectiveTerm] = [ClassTerm("logits", (2, 3))]
    found = tiled(terms, TileSize(EDGE, (), "cpu"), Classifier(), halo=24).gradient(PICTURE, (0.0, 0.0))
    expected = untiled(terms, Classifier())
    assert likeness(found, expected) > 0.98
    assert float(found.norm() / expected.norm()) == pytest.approx(1, abs=0.05)


def test_what_later_steps_take_from_the_step_before_is_as_good() -> None:
    input_gradient = tiled(TERMS["channels that get their share"], TileSize(EDGE, (), "cpu"))
    input_gradient.gradient(PICTURE, (0.0, 0.0))
    changed = (PICTURE + 0.01 * torch.randn(PICTURE.shape, generator=generator(6))).clamp(0, 1)
    expected = untiled(TERMS["channels that get their share"], picture=changed)
    assert likeness(input_gradient.gradient(changed, (1.0, 1.0)), expected) > 0.999


def test_only_the_first_step_on_an_octave_looks_twice() -> None:
    network = TinyNetwork()
    input_gradient = tiled([LayerTerm("shapes")], TileSize(EDGE, (), "cpu"), network)
    counts = []
    for _ in range(3):
        network.asked.clear()
        input_gradient.gradient(PICTURE, (0.0, 0.0))
        counts.append(len(network.asked))
    assert counts[0] == 2 * counts[1]
    assert counts[1] == counts[2]


def test_a_picture_that_fits_is_looked_at_as_a_whole() -> None:
    terms: list[ObjectiveTerm] = [LayerTerm("shapes", diversity=0.8)]
    assert torch.equal(tiled(terms, TileSize(210, (), "cpu")).gradient(PICTURE, (0.5, 0.5)), untiled(terms))


class Afraid(TinyNetwork):
    """Its last channel is active where something bright is `far` pixels or less from a border, and nowhere else."""

    def __init__(self, far: int) -> None:
        super().__init__()
        self.far = far

    def forward(self, image: Tensor, wanted: frozenset[str]) -> dict[str, Tensor]:
        found = super().forward(image, wanted)
        pool = torch.nn.functional.avg_pool2d
        bordered = torch.relu(0.99 - pool(torch.ones_like(image[:, :1]), 2 * self.far + 1, 4, self.far))
        bright = pool(image.mean(dim=1, keepdim=True), 33, 4, 16)
        found["shapes"] = torch.cat([found["shapes"][:, :-1], bordered * bright], dim=1)
        return found


@pytest.mark.parametrize(("far", "alike"), [(2, 0.9999), (8, 0.99)], ids=["a little", "a lot"])
def test_what_only_the_borders_of_tiles_make_active_hardly_counts(far: int, alike: float) -> None:
    bright = torch.nn.functional.pad(PICTURE[..., 40:-40, 40:-40], (40, 40, 40, 40))  # and black around it
    terms: list[ObjectiveTerm] = [LayerTerm("shapes", diversity=0.8)]
    found = tiled(terms, TileSize(EDGE, (), "cpu"), Afraid(far), halo=16).gradient(bright, (0.0, 0.0))
    assert likeness(found, untiled(terms, Afraid(far), bright)) > alike


def test_the_gradient_is_as_strong_where_tiles_meet_as_elsewhere() -> None:
    terms: list[ObjectiveTerm] = [LayerTerm("shapes", diversity=0.8)]
    network, expected = TinyNetwork(), untiled([LayerTerm("shapes", diversity=0.8)])
    halo = receptive_field(network, frozenset({"shapes"}), "cpu")
    found = tiled(terms, TileSize(EDGE, (), "cpu"), network, halo).gradient(PICTURE, (0.2, 0.4))
    columns = [meet.tile[0] + away for meet in spans(210, EDGE, halo, 4, 0.2)[1:] for away in (-2, -1, 0, 1)]
    rows = [meet.tile[0] + away for meet in spans(150, EDGE, halo, 4, 0.4)[1:] for away in (-2, -1, 0, 1)]
    for cut in (lambda picture: picture[..., columns], lambda picture: picture[..., rows, :]):
        assert float(cut(found).square().mean() / cut(expected).square().mean()) == pytest.approx(1, abs=0.05)


def test_nothing_of_the_tiles_is_left_in_a_dream() -> None:
    terms: list[ObjectiveTerm] = [LayerTerm("shapes", diversity=0.8)]
    recipe = Recipe(octaves=2, steps=3, turn=4.0, stretch=0.1)
    apart = dream(PICTURE, tiled(terms, TileSize(EDGE, (), "cpu")), recipe, seed=1, frame=0) - PICTURE
    together = dream(PICTURE, partial(whole, TinyNetwork(), terms), recipe, seed=1, frame=0) - PICTURE
    assert likeness(apart, together) > 0.995


def test_a_view_has_the_gradient_of_the_tiles_behind_it() -> None:
    terms: list[ObjectiveTerm] = [LayerTerm("shapes")]
    sight = View((3, -5), (5.0, 1.05), (0.5, 0.5))
    found = sight.gradient(PICTURE, tiled(terms, TileSize(EDGE, (), "cpu")), lambda gradient: gradient)
    expected = sight.gradient(PICTURE, partial(whole, TinyNetwork(), terms), lambda gradient: gradient)
    assert torch.allclose(found, expected, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize("shift", [-1.0, -0.3, 0.0, 1.0])
@pytest.mark.parametrize(("length", "edge", "halo", "stride"), [(3840, 1024, 128, 16), (1081, 256, 250, 32)])
def test_tiles_cover_everything_once_and_none_is_too_large(
    length: int, edge: int, halo: int, stride: int, shift: float
) -> None:
    found = spans(length, edge, halo, stride, shift)
    assert [span.tile[0] for span in found] == [0, *(span.tile[1] for span in found[:-1])]
    assert found[-1].tile[1] == length
    assert all(span.with_halo[1] - span.with_halo[0] <= edge for span in found)
    assert all(span.with_halo[0] % stride == 0 for span in found)


SHIFTS = (-1.0, -0.5, 0.0, 0.5, 1.0)


def test_where_tiles_meet_wanders_from_step_to_step() -> None:
    meets = {spans(3840, 1500, 128, 16, shift)[1].tile[0] for shift in SHIFTS}
    assert len(meets) == 3
    assert max(meets) - min(meets) == 32


@pytest.mark.parametrize("length", [1600, 3840])
def test_a_tile_sees_the_same_wherever_it_meets_its_neighbours_and_its_context_always(length: int) -> None:
    found = [spans(length, 1500, 128, 16, shift) for shift in SHIFTS]
    assert len({tuple(span.with_halo for span in tiles) for tiles in found}) == 1
    for tiles in found:
        for left, right in pairwise(tiles):
            assert left.with_halo[1] >= left.tile[1] + 128
            assert right.with_halo[0] <= right.tile[0] - 128


def test_the_context_of_a_deeper_layer_is_wider() -> None:
    shallow, deep = (receptive_field(TinyNetwork(), frozenset({name}), "cpu") for name in ("edges", "shapes"))
    assert 2 <= shallow < deep <= 12


def test_memory_that_runs_out_is_answered_once_with_smaller_tiles() -> None:
    class Small(TinyNetwork):
        """Has memory for so many pixels."""

        most = 100 * 150

        def forward(self, image: Tensor, wanted: frozenset[str]) -> dict[str, Tensor]:
            if image.shape[-2:].numel() > self.most:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().forward(image, wanted)

    terms: list[ObjectiveTerm] = [LayerTerm("shapes", diversity=0.8)]
    large = torch.cat([PICTURE] * 4, dim=3)
    room = TileSize(None, (), "cpu")
    network = Small()
    network.most = 450 * 150
    input_gradient = tiled(terms, room, network)
    assert torch.allclose(input_gradient.gradient(large, (0.0, 0.0)), untiled(terms, picture=large), atol=1e-6)
    assert room.edge == 420
    network.most = 300 * 150
    with pytest.raises(torch.OutOfMemoryError):
        input_gradient.gradient(large, (0.0, 0.0))


def test_other_errors_of_a_network_are_told_as_they_are() -> None:
    class Broken(TinyNetwork):
        def forward(self, image: Tensor, wanted: frozenset[str]) -> dict[str, Tensor]:
            raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        tiled([LayerTerm("shapes")], TileSize(EDGE, (), "cpu"), Broken()).gradient(PICTURE, (0.0, 0.0))


def test_parts_of_an_activation_add_up_to_the_whole() -> None:
    activation = torch.rand(1, 12, 20, 30, generator=generator(8))
    for terms in TERMS.values():
        for term in terms:
            if term.weight == 0:
                continue
            parts = [
                term.means(activation[..., top : top + 7, left : left + 11], TilePlace(top, left, 20, 30, 0.1))
                for top in range(0, 20, 7)
                for left in range(0, 30, 11)
            ]
            assert torch.allclose(sum(parts, torch.zeros(12)), term.means(activation), atol=1e-5)


def test_the_smallest_tile_is_one_that_a_config_may_ask_for() -> None:
    assert load_config({"performance": {"tile": SMALLEST_EDGE}}).performance.tile == SMALLEST_EDGE
    with pytest.raises(ConfigError, match=r"performance\.tile"):
        load_config({"performance": {"tile": SMALLEST_EDGE - 1}})
