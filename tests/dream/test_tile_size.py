"""The size of tiles and of their halo."""

from __future__ import annotations

import pytest
import torch

from tests.tiny_network import TinyNetwork
from zoomdream.dream.tile_size import TileSize, receptive_field
from zoomdream.randomness import generator, natural_noise


@pytest.mark.parametrize("layer", ["edges", "shapes"])
def test_a_halo_holds_nearly_all_of_what_a_neuron_depends_on(layer: str) -> None:
    network = TinyNetwork()
    picture = (0.45 + 0.2 * natural_noise((96, 96), generator(5))).clamp(0, 1).requires_grad_()
    activation = network(picture, frozenset({layer}))[layer]
    row, column = (length // 2 for length in activation.shape[2:])
    stride = 96 // activation.shape[2]
    (gradient,) = torch.autograd.grad(activation[0, :, row, column].square().sum(), picture)
    halo = receptive_field(network, frozenset({layer}), "cpu")
    middle = int((row + 0.5) * stride), int((column + 0.5) * stride)
    near = gradient[..., middle[0] - halo : middle[0] + halo + 1, middle[1] - halo : middle[1] + halo + 1]
    assert float(near.abs().sum() / gradient.abs().sum()) > 0.97


def test_the_halo_is_that_of_the_layer_that_sees_furthest() -> None:
    network = TinyNetwork()
    size = TileSize(None, ((network, "edges"), (network, "shapes")), "cpu")
    assert size.halo == receptive_field(network, frozenset({"shapes"}), "cpu")
