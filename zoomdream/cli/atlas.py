"""`zoomdream atlas NETWORK`: a page with a picture of each layer, or of each channel of one. Its path on stdout."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from zoomdream.atlas.page import make_card, page, summarize
from zoomdream.atlas.pictures import draw, read_start
from zoomdream.atlas.subjects import channel_subjects, layer_subjects, parse_numbers, yaml_line
from zoomdream.cli.render import SECONDS_BETWEEN_LINES
from zoomdream.cli.tables import counted, say, tell
from zoomdream.config.units import clock_time
from zoomdream.encode.page import check_place, write_page
from zoomdream.errors import ConfigError
from zoomdream.machine.startup import keep_freed_memory
from zoomdream.networks import catalog

LAYER_EDGE, CHANNEL_EDGE = 256, 160


def run(arguments: argparse.Namespace) -> int:
    """Make all pictures, then write the page in one go."""
    chosen = None if arguments.channels is None else parse_numbers(arguments.channels)
    if chosen is not None and arguments.layer is None:
        raise ConfigError("--channels are those of a layer: name it with --layer.")
    output: Path = arguments.output or Path(f"atlas_{arguments.network.replace('/', '_')}.html")
    if output.suffix.lower() not in (".html", ".htm"):  # nobody should replace a photograph
        raise ConfigError(f"--output {output}: an atlas is a page; its name ends in .html.")
    check_place(output, str(output))
    edge = arguments.size or (LAYER_EDGE if arguments.layer is None else CHANNEL_EDGE)
    start = None if arguments.source is None else read_start(arguments.source, edge)
    network = catalog.open_network(arguments.network, arguments.weights)
    if arguments.layer is None:
        subjects = layer_subjects(network)
    else:
        subjects = channel_subjects(network, arguments.layer, chosen)
    keep_freed_memory()
    progress = (lambda done, name: None) if arguments.quiet else shown(len(subjects))
    cards = []
    for number, subject in enumerate(subjects):
        progress(number, subject.name)
        picture = draw(subject, network, edge=edge, seed=arguments.seed, start=start)
        cards.append(make_card(subject, picture))
    progress(len(subjects), "")
    named = {"name": arguments.network}
    if arguments.weights is not None:
        named["weights"] = str(arguments.weights.absolute())
    head = f"network: {yaml_line(named)}\nobjective:"
    title = f"Atlas of {arguments.network}" + (f": {subjects[0].layer.name}" if arguments.layer is not None else "")
    origin = "noise" if arguments.source is None else arguments.source.name
    text = page(title, summarize(subjects, origin, arguments.seed), head, cards)
    write_page(output, text, str(output))
    tell(output)
    return 0


def shown(total: int, clock: Callable[[], float] = time.monotonic) -> Callable[[int, str], None]:
    """What to call before each picture, with the number of those that are done, and once at the end.

    A line that renews itself on a terminal; elsewhere a line every few seconds. `clock` gives seconds.
    """
    begun, said = clock(), -SECONDS_BETWEEN_LINES
    live = sys.stderr.isatty()

    def report(done: int, name: str) -> None:
        nonlocal said
        now = clock()
        if not live and 0 < done < total and now - said < SECONDS_BETWEEN_LINES:
            return
        said = now
        each = (now - begun) / done if done else None
        parts = [f"picture {min(done + 1, total)} of {total}", name] if name else [counted(total, "picture")]
        if each is not None:
            parts.append(f"{each:.1f} s/picture")
            if done < total:
                parts.append(f"{clock_time(each * (total - done))} left")
        line = " · ".join(parts)
        say(line, live=live, end="" if live and done < total else "\n")

    return report
