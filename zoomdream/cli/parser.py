"""What may be typed: commands, options, help with examples. Knows nothing of torch, so `--help` is quick."""

from __future__ import annotations

import argparse
import difflib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from zoomdream.cli.options import PREVIEWS, add_allow_code, add_atlas, add_batch, add_render_options, add_set
from zoomdream.errors import ConfigError
from zoomdream.version import __version__

EXAMPLES = """\
examples:
  zoomdream new endless_zoom                             write a ready config into this folder
  zoomdream render endless_zoom.yaml                     make the video; run it again to go on after a stop
  zoomdream render endless_zoom.yaml --preview           a small draft of it in about 20 seconds
  zoomdream render endless_zoom.yaml --set duration=1m --set camera.zoom=1.5 --output long.mp4
  zoomdream new clip                                     the same for clips, with a small one to try
  zoomdream render clip.yaml --set source.path=mine.mp4  dream on a clip of your own
  zoomdream help camera.zoom                             what a key means and may be; without KEY: all of them
  zoomdream check endless_zoom.yaml                      what it would do, and how long that would take
  zoomdream music song.mp3 --output song.html            what a config can follow in a song: bands, beats, sections
  zoomdream plot endless_zoom.yaml                       how zoom, rotation, weights, ... change over time
  zoomdream layers dreamnet                              what `objective: [{layer: ...}]` can name
  zoomdream atlas dreamnet                               a page with a picture of each layer
  zoomdream batch night/*.yaml --report night.json       many renders, unattended
  zoomdream info long.mp4 > again.yaml                   the config that made a video

exit codes:  0 done    1 some renders of a batch failed    2 config or command line wrong
             3 an input is missing or broken    4 writing, encoding or the lock failed
             130 interrupted; run again to go on
"""


_KEY = re.compile(r"[a-z_]+(\.\w+|\[\d+\])*")
_OTHER = re.compile(r"^--|\.ya?ml$")  # what is no value of a key

_MEANT = {
    **dict.fromkeys(("run", "start", "make", "dream"), "render"),
    **dict.fromkeys(("validate", "lint", "test"), "check"),
    **dict.fromkeys(("init", "create"), "new"),
    **dict.fromkeys(("list", "examples", "presets"), "new --list"),
    **dict.fromkeys(("models", "nets"), "networks"),
    "preview": "render CONFIG --preview",
    "version": "--version",
}
"""What other programs call commands."""


class Parser(argparse.ArgumentParser):
    """argparse whose complaints are ConfigErrors, so that one place prints every error."""

    def error(self, message: str) -> NoReturn:
        example = f", such as `{self.prog} endless_zoom.yaml`" if message.endswith("required: CONFIG") else ""
        raise ConfigError(f"{message[:1].lower()}{message[1:]}{example} (see `{self.prog} --help`)")


def build_parser() -> tuple[Parser, dict[str, Parser]]:
    """The parser, and that of each command by name."""
    root = Parser(
        prog="zoomdream",
        description="Renders videos that a neural network has dreamed: endless zooms out of noise or a picture, and "
        "clips that are dreamt on as they run.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    root.add_argument("--version", action="version", version=f"zoomdream {__version__}")
    children = root.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    commands: dict[str, Parser] = {}

    def command(name: str, summary: str, description: str = "") -> Parser:
        commands[name] = children.add_parser(
            name, help=summary, description=description or f"{summary[:1].upper()}{summary[1:]}.", allow_abbrev=False
        )
        return commands[name]

    render = command(
        "render",
        "make the video of a config; goes on with a stopped render by itself",
        "Makes the video of a config and prints its path as the last line on stdout. Stopped at any moment "
        "and started again, a render goes on where it was; the unfinished is in OUTPUT.zoomdream/ beside the output.",
    )
    render.add_argument("config", metavar="CONFIG", type=Path, help="a YAML file")
    add_render_options(render)

    check = command(
        "check",
        "say what is wrong with a config, or what it would do",
        "Checks configs. For each one prints the resolved config as YAML, every key explicit, and as comments what it "
        "would do: frames, size, network, device, time per frame (measured) and disk; of a clip also what it is and "
        "where it cuts. Takes the options of `render`, and says what that would do with them.",
    )
    check.add_argument("config", metavar="CONFIG", type=Path, nargs="+", help="a YAML file")
    add_render_options(check)

    plot = command(
        "plot",
        "draw the curves of what changes over time: zoom, weights, any schedule",
        "Draws every schedule over the time of the film, with its keyframes and the cuts of a clip: in the terminal, "
        "or into a file. Nothing is rendered.",
    )
    plot.add_argument("config", metavar="CONFIG", type=Path, help="a YAML file")
    add_set(plot)
    plot.add_argument("-o", "--output", metavar="FILE", type=Path, help="a picture or a page: .svg, .png or .html")
    add_allow_code(plot)

    music = command(
        "music",
        "draw what schedules can ask of a song: bands, onsets, beats, sections",
        "Draws a song over time: its waveform, its spectrum, the functions that schedules may call, its beats and its "
        "sections; of a config its music, with what its schedules make of it. In the terminal, or into a file.",
    )
    music.add_argument("song", metavar="SONG", type=Path, help="a sound, a clip with sound, or a config with music")
    add_set(music)
    music.add_argument("-o", "--output", metavar="FILE", type=Path, help="a picture or a page: .svg, .png or .html")

    add_batch(
        command(
            "batch",
            "render many configs; goes on after a failure, and with what an earlier start has left",
            "Checks all configs, then renders them, several at once, whatever fails. Finished renders of the same "
            "config are skipped, stopped ones go on; what failed for lack of memory or a lost worker is tried once "
            "more. Ends with a table on stdout, and with exit code 1 if any failed; what another process is rendering "
            "is `busy`, which is no failure: --wait waits until all are done.",
        )
    )

    command("networks", "list the networks to dream with: where weights come from, licence, present or not")

    layers = command("layers", "list a network's layers: aliases, channels, stride, relative cost")
    layers.add_argument(
        "network", metavar="NETWORK", nargs="?", default="dreamnet", help="a name from `zoomdream networks`"
    )
    layers.add_argument("--all", action="store_true", help="every layer: also before ReLU, and inside of branches")
    layers.add_argument("--weights", metavar="FILE", type=Path, help="a weights file instead of the default")

    add_atlas(command("atlas", "make a page (.html) with a picture of each layer of a network, or channel of a layer"))

    command("schema", "print the JSON Schema of the YAML, from which editors complete and check")

    info = command(
        "info", "print the config that made a video, read from the video itself, as YAML that renders it again"
    )
    info.add_argument(
        "video",
        metavar="VIDEO",
        type=Path,
        help="a video; a gif, webp or png with OUTPUT.yaml beside it; numbered pictures by their folder or one of them",
    )

    completion = command(
        "completion",
        "print a script that completes commands, options and files in your shell",
        "Prints a script for your shell, which then completes what you begin to type and ask for with the Tab key: "
        "commands, options, files and ready configs. In bash, put it there for good with "
        "`zoomdream completion bash >> ~/.bash_completion`; in zsh with `zoomdream completion zsh > _zoomdream` into a "
        "folder of $fpath; in fish with `zoomdream completion fish > ~/.config/fish/completions/zoomdream.fish`; in "
        "tcsh with `zoomdream completion tcsh >> ~/.tcshrc`.",
    )
    shells = ("bash", "zsh", "fish", "tcsh")
    here = Path(os.environ.get("SHELL", "")).name
    known = "?" if here in shells else None
    completion.add_argument("shell", choices=shells, nargs=known, default=here, help="yours; else that of $SHELL")

    topic = command(
        "help",
        "explain a key of the YAML, a function, an easing or a codec; without a word, list them all",
        "Explains a key of the YAML with what it may be, its default and an example; or a section, a function of "
        "expressions, an easing, a codec or a command. Without a word it lists all of them.",
    )
    topic.add_argument("topic", metavar="WORD", nargs="?", help="such as camera.zoom, zoom, camera, noise or h264")

    command("doctor", "say what works here and what does not: device, ffmpeg, weights, versions")

    new = command("new", "write one of the ready configs into the working directory")
    new.add_argument("name", metavar="NAME", nargs="?", help="one of `zoomdream new --list`")
    new.add_argument("--list", action="store_true", help="list the ready configs")
    new.add_argument("-o", "--output", metavar="PATH", type=Path, help="where to write it (default: NAME.yaml)")
    return root, commands


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The command line as a namespace. Raises ConfigError with the nearest valid name; --help and --version exit."""
    root, commands = build_parser()
    if not argv:
        root.print_help()
        root.exit()
    word = argv[0]
    if not word.startswith("-") and word not in commands:
        raise ConfigError(f"there is no command {word!r}; {_advice(word, list(commands))}")
    arguments, unknown = root.parse_known_args(_joined(argv))
    parser = commands.get(arguments.command, root)
    if unknown:
        typed = unknown[0].partition("=")[0]
        options = {word.strip("[],") for word in parser.format_help().split() if word.strip("[").startswith("-")}
        near = difflib.get_close_matches(typed, sorted(options), n=1)
        hint = f"did you mean {near[0]}?" if near else f"see `{parser.prog} --help`"
        if (as_key := _as_key(unknown)) and "--set" in options:
            hint = f"did you mean {as_key}?"
        raise ConfigError(f"`{parser.prog}` does not take {unknown[0]!r}; {hint}")
    if arguments.command is None:
        raise ConfigError(f"which command? One of {', '.join(commands)} (see `zoomdream --help`)")
    return arguments


def _joined(argv: Sequence[str]) -> list[str]:
    """The command line with two words made one where argparse wants it: an output whose name begins with a dash,
    `--set KEY VALUE`, and `--preview sheet`, while in `--preview film.yaml` the second is the config.
    """
    joined: list[str] = []
    for word in argv:
        if joined and joined[-1] in ("--output", "-o") and word.startswith("-") and Path(word).suffix:
            joined[-1:] = [f"--output={word}"]
        elif joined and joined[-1] == "--preview=film" and word in PREVIEWS:
            joined[-1:] = [f"--preview={word}"]
        elif joined[-2:-1] == ["--set"] and _KEY.fullmatch(joined[-1]) and not _OTHER.search(word):
            joined[-1] += f"={word}"
        elif word == "--preview":
            joined.append("--preview=film")
        else:
            joined.append(word)
    return joined


def _as_key(unknown: Sequence[str]) -> str | None:
    """`--fps 24` and `out.mp4` as they are written here; None for what is neither a key nor a file to make."""
    from zoomdream.config import reference  # brings pydantic along, which other words need not
    from zoomdream.config.codecs import fitting

    name, _, value = unknown[0].partition("=")
    if not name.startswith("--"):
        return f"--output {name}" if fitting(Path(name)) else None
    found = [entry.name for entry in reference.look_up(name[2:].replace("-", "_")) if entry.facts.get("Allowed")]
    return f"--set {found[0]}={value or (unknown[1] if len(unknown) > 1 else '...')}" if found else None


def _advice(word: str, names: list[str]) -> str:
    if (meant := _MEANT.get(word) or next(iter(difflib.get_close_matches(word, names, n=1)), None)) is not None:
        return f"did you mean `zoomdream {meant}`?"
    if word.lower().endswith((".yaml", ".yml")):
        return f"did you mean `zoomdream render {word}`?"
    if Path(word).suffix:
        from zoomdream.config.shorthand import how_to_dream_on  # brings pydantic along, which other words need not

        if way := how_to_dream_on(word):
            return f"to dream on a file, {way}"
    return f"the commands are {', '.join(names)}"
