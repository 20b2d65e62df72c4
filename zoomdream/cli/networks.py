"""`zoomdream networks` and `zoomdream layers NETWORK`: what can be dreamed with."""

from __future__ import annotations

import argparse

from zoomdream.cli.tables import show
from zoomdream.networks import catalog


def run_networks(arguments: argparse.Namespace) -> int:
    """A table of the networks; where weights come from, their licence, and whether they are here."""
    rows = [
        (info.name, "yes" if info.present else "no", info.description, info.licence, info.source)
        for info in (*catalog.networks(), *catalog.torchvision_networks())
    ]
    show(("name", "here", "what", "licence", "weights"), rows)
    return 0


def run_layers(arguments: argparse.Namespace) -> int:
    """A table of a network's layers, shallow to deep. Cost is the share of the whole network that reaching it takes."""
    found = catalog.layers_of(arguments.network, arguments.weights)
    chosen = found if arguments.all else catalog.main_layers(found)
    rows = [
        (layer.name, str(layer.channels), str(layer.stride), f"{layer.cost:.0%}", " ".join(layer.aliases))
        for layer in chosen
    ]
    show(("layer", "channels", "stride", "cost", "also called"), rows)
    if len(found) > len(chosen):
        print(f"and {len(found) - len(chosen)} more, finer ones: --all shows them")
    return 0
