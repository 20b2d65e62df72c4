"""`zoomdream render CONFIG`: a finished video, its path the last line on stdout."""

from __future__ import annotations

import argparse
import json

from zoomdream.api import load_config
from zoomdream.cli.progress import looking, shown, tell_of_clip


def run(arguments: argparse.Namespace) -> int:
    """Render, or go on with a stopped render, and print the finished path."""
    overrides = list(arguments.overrides)
    if arguments.device is not None:
        # Quoted: what is empty or null in YAML would not count as given, and auto would be taken without a word.
        overrides.append(f"performance.device={json.dumps(arguments.device)}")
    config = load_config(
        arguments.config,
        overrides,
        output=arguments.output,
        looking=looking(arguments.quiet),
        allow_code=arguments.allow_code,
    )
    from zoomdream.rendering import render  # torch, which a wrong config need not wait for

    if not arguments.quiet:
        tell_of_clip(config)
    if arguments.preview:
        config = config.preview()
    with shown(arguments.quiet) as progress:
        path = render(config, restart=arguments.restart, progress=progress)
    print(path)
    return 0
