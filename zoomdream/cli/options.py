"""Options that several commands share, or that are many; and the values that they take."""

from __future__ import annotations

import argparse
from pathlib import Path

PREVIEWS = ("film", "sheet")


def add_render_options(command: argparse.ArgumentParser) -> None:
    """What `render` takes, and `check`."""
    add_set(command)
    command.add_argument(
        "-o",
        "--output",
        metavar="PATH",
        help="where the video goes (.mp4 .mkv .mov .webm .gif .webp .png, frames/%%05d.png)",
    )
    command.add_argument(
        "--restart", action="store_true", help="throw away what another or an earlier render of it has left"
    )
    command.add_argument(
        "--device", metavar="D", help="auto, cpu, cuda, cuda:1 or mps (as `--set performance.device=D`)"
    )
    command.add_argument("--quiet", action="store_true", help="no progress on stderr")
    add_allow_code(command)
    command.add_argument(
        "--preview",
        choices=PREVIEWS,
        nargs="?",
        const=PREVIEWS[0],
        help="a small draft of the film in about 20 s, into NAME_preview.mp4; sheet: stills of it, into NAME_sheet.png",
    )


def add_batch(batch: argparse.ArgumentParser) -> None:
    """What `batch` takes."""
    batch.add_argument(
        "config",
        metavar="CONFIG",
        nargs="+",
        help="a YAML file, a folder of them, or a pattern; one with a `matrix:` section is many renders",
    )
    add_set(batch)
    batch.add_argument(
        "-j", "--jobs", metavar="N", type=_jobs, help="renders at once, or auto: one for each GPU, or else core"
    )
    batch.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="processes of this machine, or a Ray cluster (pip install 'zoomdream[ray]')",
    )
    batch.add_argument("--address", help="of a running Ray cluster, such as auto; without it one is started here")
    batch.add_argument("--report", metavar="FILE", type=Path, help="write what became of each render there, as JSON")
    batch.add_argument(
        "--sheet", metavar="FILE", type=Path, help="make a page (.html) on which all are seen side by side, to choose"
    )
    batch.add_argument("--dry-run", action="store_true", help="check everything and list it, but render nothing")
    batch.add_argument("--wait", action="store_true", help="wait for what another process is rendering already")
    batch.add_argument("--quiet", action="store_true", help="no progress on stderr")


def add_atlas(atlas: argparse.ArgumentParser) -> None:
    """What `atlas` takes."""
    atlas.add_argument("network", metavar="NETWORK", help="a name from `zoomdream networks`")
    atlas.add_argument("-o", "--output", metavar="PATH", type=Path, help="the page (default: atlas_NETWORK.html)")
    atlas.add_argument("--weights", metavar="FILE", type=Path, help="a weights file instead of the default")
    atlas.add_argument(
        "--layer", metavar="LAYER", help="a picture of each channel of this layer; of logits: each class"
    )
    atlas.add_argument("--channels", metavar="N-M", help="only these channels, such as 0-31 or 3,8,20-29")
    atlas.add_argument("--size", metavar="N", type=_edge, help="edge of a picture, 64 to 1024 pixels")
    atlas.add_argument("--seed", metavar="N", type=_seed, default=0, help="of the noise that all begins with")
    atlas.add_argument(
        "--from", metavar="PICTURE", type=Path, dest="source", help="a picture to dream on instead of noise"
    )
    atlas.add_argument("--quiet", action="store_true", help="no progress on stderr")


def _edge(text: str) -> int:
    if not text.isdecimal() or not 64 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of pixels from 64 to 1024")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)


def _jobs(text: str) -> int | None:
    """A number of renders, or None for auto."""
    if text == "auto":
        return None
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"{text!r} is not auto or a number from 1 to 1024")
    return int(text)


def add_allow_code(command: argparse.ArgumentParser) -> None:
    """Of commands that may run `network.python`."""
    command.add_argument("--allow-code", action="store_true", help="let `network.python` run the code that it names")


def add_set(parser: argparse.ArgumentParser) -> None:
    """Of commands that take a config."""
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="overrides",
        help="change a key of the config, as often as you like: --set size=640x360 --set camera.zoom=1.2",
    )
