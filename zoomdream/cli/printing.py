"""The commands that only print what zoomdream knows: networks, layers, schema, help, info, completion.

What they need is imported where it is used: only networks and layers wait for torch.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from shutil import get_terminal_size
from textwrap import fill

from zoomdream.cli.tables import counted, show, tell
from zoomdream.errors import ConfigError, printable

_FILES = ("CONFIG", "FILE", "PATH", "PICTURE", "VIDEO")  # what help calls the arguments that are files


def print_networks(arguments: argparse.Namespace) -> int:
    """A table of the networks; where weights come from, their licence, and whether they are here. On a terminal, which
    has no place for addresses, torchvision's many are one paragraph.
    """
    from zoomdream.networks import catalog

    own, others = catalog.networks(), catalog.torchvision_networks()
    rows = [(info.name, "yes" if info.present else "no", info.description, info.licence) for info in (*own, *others)]
    if not sys.stdout.isatty():
        weights = [info.source for info in (*own, *others)]
        full = [(*row, source) for row, source in zip(rows, weights, strict=True)]
        show(("name", "here", "what", "licence", "weights"), full)
        return 0
    show(("name", "here", "what", "licence"), rows[: len(own)])
    names = ", ".join(f"{name.partition('/')[2]}{' (here)' * (here == 'yes')}" for name, here, *_ in rows[len(own) :])
    told = f"torchvision/NAME, whose weights are fetched when they are first used: {names}"
    tell(fill(told, get_terminal_size().columns - 1, subsequent_indent="  ", break_on_hyphens=False))
    tell("`zoomdream networks | cat` also has sizes, and where weights come from")
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
        tell(f"and {len(found) - len(chosen)} more, finer ones: --all shows them")
    return 0


def print_schema(arguments: argparse.Namespace) -> int:
    """The JSON Schema of the YAML."""
    from zoomdream.config import json_schema

    tell(json.dumps(json_schema(), indent=2, ensure_ascii=False))
    return 0


def print_help(arguments: argparse.Namespace) -> int:
    """What a key, function, easing or codec is; of a section, or of all there is, the names with their first words."""
    from zoomdream.cli.parser import build_parser
    from zoomdream.config import reference

    word, chapters = arguments.topic, reference.chapters()
    if command := build_parser()[1].get(word):
        tell(command.format_help().rstrip())
    elif word is None:
        for name, chapter in chapters.items():
            names = " ".join(dict.fromkeys(entry.words[1] for entry in chapter.entries))
            tell(f"{name}: {chapter.about}\n{fill(names, 100, initial_indent='  ', subsequent_indent='  ')}")
        tell("`zoomdream help camera` says more of one of these, `zoomdream help camera.zoom` all of a word below it")
    elif word in chapters:
        tell(f"{word}: {chapters[word].about}")
        show((word, "what it is"), [(entry.name, entry.about) for entry in chapters[word].entries])
    elif entries := reference.look_up(word):
        for entry in entries:
            facts = "".join(f"\n  {name}: {fact}" for name, fact in entry.facts.items())
            tell(f"{entry.name}\n  {entry.about}{facts}")
    else:
        found = [entry for chapter in chapters.values() for entry in chapter.entries]
        words = dict.fromkeys([*chapters, *(name for entry in found for name in entry.words)])
        near = get_close_matches(word.lower(), words, n=3)
        told = [entry.words[0] for entry in found if word.lower() in entry.about.lower()][
            :6
        ]  # strength, sound, colours
        hint = f"did you mean {' or '.join(near)}?" if near else "`zoomdream help` lists all there is"
        hint = f"see {', '.join(told)}" if told else hint
        raise ConfigError(f"there is no help on {word!r}; {hint}")
    return 0


def print_completion(arguments: argparse.Namespace) -> int:
    """The script by which a shell completes commands, options, files and the names of ready configs."""
    import shtab

    from zoomdream.cli.new import ready_configs
    from zoomdream.cli.parser import build_parser

    root, commands = build_parser()
    keys = " ".join(_keys())
    preamble = {
        "bash": f'_zoomdream_keys() {{\n  compgen -W "{keys}" -- "$1"\n}}',
        "zsh": f"_zoomdream_keys() {{\n  compadd -- {keys}\n}}",
    }
    of_a_key = {"bash": "_zoomdream_keys", "zsh": "_zoomdream_keys", "fish": keys}
    for command in commands.values():
        for action in command._actions:
            if action.metavar in _FILES:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
            elif action.dest == "overrides":
                action.complete = of_a_key  # type: ignore[attr-defined]
    next(action for action in commands["new"]._actions if action.dest == "name").choices = list(ready_configs())
    tell(shtab.complete(root, arguments.shell, preamble=preamble.get(arguments.shell, "")))
    return 0


def _keys() -> list[str]:
    """What `--set` takes by name; of an objective, the keys of its first term."""
    from zoomdream.config import Config, reference

    entries = [
        entry for chapter in reference.chapters().values() for entry in chapter.entries if "Allowed" in entry.facts
    ]
    names = [entry.name.partition(" ")[0].replace("objective.", "objective.0.") for entry in entries]
    kept = [name for name in names if name.partition(".")[0] in (*Config.model_fields, "duration")]
    return list(dict.fromkeys(["source", "objective", *kept]))


def print_info(arguments: argparse.Namespace) -> int:
    """The config that made a video, as YAML that renders it again, and all else about the video as comments."""
    from zoomdream import ffmpeg
    from zoomdream.config.origin import as_on_disk
    from zoomdream.encode import metadata

    video = as_on_disk(Path.cwd() / arguments.video, Path())
    program = ffmpeg.executable("bundled")
    origin = metadata.read_metadata(program, video)
    tell(f"# {printable(f'{video}: made by zoomdream {origin.version}, fingerprint {origin.fingerprint}')}")
    if video.is_file() and video.suffix != ".yaml":  # not so for a folder of pictures, frames/%05d.png
        for line in _facts(program, video):
            tell(f"# {printable(line)}")
    # A video may come from anybody: control characters, which no config of ours has, could command the terminal.
    tell("".join(printable(c, "\n\t") if c < " " or "\x7f" <= c < "\xa0" else c for c in origin.config.rstrip("\n")))
    return 0


def _facts(program: Path, video: Path) -> Iterator[str]:
    from zoomdream.ffmpeg import probe

    facts = probe.probe(program, video)
    frames = probe.count_frames(program, video)
    rate = f"{facts.fps} frames per second" if facts.fps else "no frame rate"
    duration = f", {facts.duration:g} s" if facts.duration is not None else ""
    yield f"{facts.width}x{facts.height}, {counted(frames, 'frame')}, {rate}{duration}"
    yield f"{facts.codec}, {facts.pixel_format}, sound: {facts.audio or 'none'}"
