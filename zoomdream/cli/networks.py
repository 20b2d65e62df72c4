"""`zoomdream networks` and `zoomdream layers NETWORK`: what can be dreamed with."""

from __future__ import annotations

import argparse

from zoomdream.cli.tables import show
from zoomdream.nets import catalog


def run_networks(arguments: argparse.Namespace) -> int:
    """A table of the networks; where weights come from, their licence, and whether they are here."""
    rows = [
        (info.name, "yes" if info.present else "no", info.description, info.licence, info.source)
        for info in catalog.networks()
    ]
    show(("name", "here", "what", "licence", "weights"), rows)
    return 0


def run_layers(arguments: argparse.Namespace) -> int:
    """A table of a network's layers, shallow to deep. Cost is the share of the whole network that reaching it takes."""
    network = catalog.open_network(arguments.network, arguments.weights)
    rows = [
        (layer.name, str(layer.channels), str(layer.stride), f"{layer.cost:.0%}", " ".join(layer.aliases))
        for layer in network.layers
    ]
    show(("layer", "channels", "stride", "cost", "also called"), rows)
    return 0
