"""`zoomdream info VIDEO`: the config that made a video, read from the video, as YAML that renders it again."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from unicodedata import category

from zoomdream import ffmpeg
from zoomdream.cli.tables import counted
from zoomdream.encode import metadata
from zoomdream.errors import InputError
from zoomdream.ffmpeg import probe


def run(arguments: argparse.Namespace) -> int:
    """Print the config on stdout, and all else about the video as comments."""
    video: Path = arguments.video
    program = ffmpeg.executable("bundled")
    config = metadata.read_metadata(program, video)
    origin = metadata.read_origin(program, video)
    if origin is None:
        raise InputError(f"{video} changed while it was read")
    version, fingerprint = _one_line(origin.version), _one_line(origin.fingerprint)
    print(f"# {_one_line(video)}: made by zoomdream {version}, fingerprint {fingerprint}")
    if video.is_file():  # not so for a folder of pictures, frames/%05d.png
        for line in _facts(program, video):
            print(f"# {line}")
    # A video may come from anybody: control characters, which no config of ours has, could command the terminal.
    print("".join(c if c in "\n\t" or category(c) != "Cc" else repr(c)[1:-1] for c in config.rstrip("\n")))
    return 0


def _facts(program: Path, video: Path) -> Iterator[str]:
    facts = probe.probe(program, video)
    frames = probe.count_frames(program, video)
    rate = f"{facts.fps} frames per second" if facts.fps else "no frame rate"
    duration = f", {facts.duration:g} s" if facts.duration is not None else ""
    yield f"{facts.width}x{facts.height}, {counted(frames, 'frame')}, {rate}{duration}"
    yield f"{facts.codec}, {facts.pixel_format}, sound: {facts.audio or 'none'}"


def _one_line(text: object) -> str:
    """A file name, say, that can neither end the comment it stands in nor command a terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text))
