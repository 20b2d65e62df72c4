"""`zoomdream plot CONFIG`: the curves of all that changes over time, in the terminal or as a file."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from zoomdream.api import load_config
from zoomdream.cli.render import looking
from zoomdream.cli.tables import tell
from zoomdream.config import Config
from zoomdream.errors import ConfigError
from zoomdream.machine.files import write_whole, writing
from zoomdream.plot import drawing
from zoomdream.plot.panels import Plot, plot_of
from zoomdream.plot.text import text


def run(arguments: argparse.Namespace) -> int:
    """Print the curves, or write them and print the path."""
    config = load_config(arguments.config, arguments.overrides, looking=looking(), allow_code=arguments.allow_code)
    with config.error_context():
        cuts: tuple[int, ...] = ()
        if config.is_clip:
            from zoomdream.rendering.plan import cuts as cuts_of

            cuts = cuts_of(config)
        plot = plot_of(config, str(arguments.config), cuts)
    if arguments.output is not None:
        write(arguments.output, plot, config)
        tell(arguments.output)
        return 0
    tell(text(plot, shutil.get_terminal_size().columns, (sys.stdout.encoding or "").lower().startswith("utf")))
    return 0


def write(path: Path, plot: Plot, config: Config) -> None:
    """Write the plot as what its name says. ConfigError for another name, OutputError if it cannot be written."""
    name = f"--output {path}"
    match path.suffix.lower():
        case ".svg":
            data = drawing.svg(plot).encode()
        case ".png":
            data = drawing.png(plot)
        case ".html" | ".htm":
            data = drawing.html(plot, config.to_yaml()).encode()
        case _:
            raise ConfigError(
                f"{name}: a plot is a picture or a page. Allowed: a name that ends in .svg, .png or .html."
            )
    with writing(name):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
