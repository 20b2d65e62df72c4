"""Hostile names on a terminal: none of what they hold may command it."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path

from torture.commands import Command, Outcome, bad_words

_ORDERS = (
    "\x1b]0;OWNED\x07", "\x1b[31mOWNED", "\x1b]8;;x\x1b\\OWNED", "\x9b31mOWNED", "\rOWNED", "\x08\x08OWNED",
    "\x1b[2JOWNED", "\x1bPOWNED\x1b\\", "\x07OWNED", "\x0eOWNED", "\x7fOWNED", "\x1b]52;c;T1dORUQ=\x07OWNED",
)  # fmt: skip
_MARKUP = "[on magenta]OWNED[bold]y"
_CONFIG = """\
size: [48, 32]
frames: 2
dream: {{octaves: 1, steps: 1, warmup: 0}}
performance: {{device: cpu, threads: 1}}
{more}
"""
_PLACES = {
    "output": 'output: "{name}.mp4"',
    "picture": 'source: {{kind: image, path: "{name}.png"}}',
    "clip": 'source: {{kind: video, path: "{name}.mkv"}}',
    "layer": 'objective: [{{layer: "{name}"}}]',
    "class": 'objective: [{{class: "{name}"}}]',
    "weights": 'network: {{weights: "{name}"}}',
    "key": '"{name}": 1',
    "expression": 'camera: {{zoom: "{name}"}}',
    "file": "",
    "working folder": "output: a.mp4",
    "sound": 'encode: {{audio: "{name}.mp3"}}',
    "guide": 'objective: [{{guide: "{name}.png", layer: mixed3a}}]',
}
_COMMANDS = ("check", "render", "batch", "batch --dry-run", "info", "layers", "render -o")


def names(numbers: range, folder: Path) -> Iterator[Outcome]:
    """A name with an order to the terminal, in a place of a config or of the command line, told by a command."""
    for number in numbers:
        dice = random.Random(number)
        order, words = _ORDERS[number % len(_ORDERS)], _COMMANDS[number % len(_COMMANDS)].split()
        name = f"a{order}{dice.choice(('', _MARKUP))}b"
        place = dice.choice(list(_PLACES))
        here = folder / f"trial_{number}"
        here.mkdir()
        written = name.encode("unicode_escape").decode().replace('"', "")
        config = here / (f"{name}.yaml" if place == "file" else "a.yaml")
        config.write_text(_CONFIG.format(more=_PLACES[place].format(name=written)))
        if place == "working folder":
            (here / "a.mp4.zoomdream").mkdir()
            (here / "a.mp4.zoomdream" / name).touch()
        command, *options = words
        subject = {"info": f"{name}.mp4", "layers": name}.get(command, config.name)
        more = [f"{name}.mp4"] if options == ["-o"] else []
        said = _said(Command, [command, subject, *options, *more], here)
        shown = [
            one
            for one in {order.encode(), order.encode("latin-1")}
            if one.strip() and one.replace(b"\n", b"\r\n") in said
        ]
        fault = bad_words(said.decode(errors="replace"))
        if shown:
            fault = fault or f"{shown[0]!r} reaches the terminal"
        if b"\x1b[45m" in said:  # a magenta that nothing of ours has
            fault = fault or "markup is taken for markup"
        told = f"seed {number}, {' '.join(words)}, {place}: {fault}" if fault else ""
        yield Outcome(_COMMANDS[number % len(_COMMANDS)], "fault" if fault else "right", told)


def _said(start: type[Command], words: list[str], folder: Path) -> bytes:
    """All that a command writes to a terminal of its own."""
    reader, writer = os.openpty()
    said: list[bytes] = []

    def read() -> None:
        while True:
            try:
                data = os.read(reader, 65536)
            except OSError:
                return
            said.append(data)

    listener = threading.Thread(target=read, daemon=True)
    listener.start()
    command = start(words, folder, folder, terminal=os.ttyname(writer))
    command.end(120)
    os.close(writer)  # the last that had it open: the reader hears of its end
    listener.join(10)
    os.close(reader)
    return b"".join(said)
