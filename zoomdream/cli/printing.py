"""The commands that only print what zoomdream knows: networks, layers, schema, info, completion.

What they need is imported where it is used: only networks and layers wait for torch.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from unicodedata import category

from zoomdream.cli.tables import counted, show
from zoomdream.errors import InputError

_FILES = ("CONFIG", "FILE", "PATH", "PICTURE", "VIDEO")  # what help calls the arguments that are files


def print_networks(arguments: argparse.Namespace) -> int:
    """A table of the networks; where weights come from, their licence, and whether they are here."""
    from zoomdream.networks import catalog

    rows = [
        (info.name, "yes" if info.present else "no", info.description, info.licence, info.source)
        for info in (*catalog.networks(), *catalog.torchvision_networks())
    ]
    show(("name", "here", "what", "licence", "weights"), rows)
    return 0


def print_layers(arguments: argparse.Namespace) -> int:
    """A table of a network's layers, shallow to deep. Cost is the share of the whole network that reaching it takes."""
    from zoomdream.networks import catalog

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


def print_schema(arguments: argparse.Namespace) -> int:
    """The JSON Schema of the YAML."""
    from zoomdream.config import json_schema

    print(json.dumps(json_schema(), indent=2, ensure_ascii=False))
    return 0


def print_completion(arguments: argparse.Namespace) -> int:
    """The script by which a shell completes commands, options, files and the names of ready configs."""
    import shtab

    from zoomdream.cli.new import ready_configs
    from zoomdream.cli.parser import build_parser

    root, commands = build_parser()
    for command in commands.values():
        for action in command._actions:
            if action.metavar in _FILES:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    next(action for action in commands["new"]._actions if action.dest == "name").choices = list(ready_configs())
    print(shtab.complete(root, arguments.shell))
    return 0


def print_info(arguments: argparse.Namespace) -> int:
    """The config that made a video, as YAML that renders it again, and all else about the video as comments."""
    from zoomdream import ffmpeg
    from zoomdream.config.origin import as_on_disk
    from zoomdream.encode import metadata

    video = as_on_disk(Path.cwd() / arguments.video, Path())
    program = ffmpeg.executable("bundled")
    config = metadata.read_metadata(program, video)
    origin = metadata.read_origin(program, video)
    if origin is None:
        raise InputError(f"{video} changed while it was read")
    version, fingerprint = one_line(origin.version), one_line(origin.fingerprint)
    print(f"# {one_line(video)}: made by zoomdream {version}, fingerprint {fingerprint}")
    if video.is_file():  # not so for a folder of pictures, frames/%05d.png
        for line in _facts(program, video):
            print(f"# {line}")
    # A video may come from anybody: control characters, which no config of ours has, could command the terminal.
    print("".join(c if c in "\n\t" or category(c) != "Cc" else repr(c)[1:-1] for c in config.rstrip("\n")))
    return 0


def _facts(program: Path, video: Path) -> Iterator[str]:
    from zoomdream.ffmpeg import probe

    facts = probe.probe(program, video)
    frames = probe.count_frames(program, video)
    rate = f"{facts.fps} frames per second" if facts.fps else "no frame rate"
    duration = f", {facts.duration:g} s" if facts.duration is not None else ""
    yield f"{facts.width}x{facts.height}, {counted(frames, 'frame')}, {rate}{duration}"
    yield f"{facts.codec}, {facts.pixel_format}, sound: {facts.audio or 'none'}"


def one_line(text: object) -> str:
    """A file name, say, that can neither end the comment it stands in nor command a terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text))
