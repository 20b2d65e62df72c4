"""The config inside a video (the `comment` tag), or beside it where the format carries no text (`OUTPUT.yaml`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from zoomdream import ffmpeg
from zoomdream.config.codecs import is_numbered
from zoomdream.errors import InputError, require_file
from zoomdream.ffmpeg.probe import read_log
from zoomdream.machine.files import read_regular
from zoomdream.version import __version__

SIDECAR_SUFFIXES = (".gif", ".webp", ".png")
"""Outputs of these formats get `OUTPUT.yaml` beside them."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who made a file: version, fingerprint of the config, and the config as YAML (where it was left out, comments)."""

    version: str
    fingerprint: str
    config: str


def write_origin(fingerprint: str, config: str) -> str:
    """The text that is stored. Its first line is `zoomdream VERSION FINGERPRINT`, the rest the YAML."""
    return f"zoomdream {__version__} {fingerprint}\n{config}"


def parse_origin(text: str) -> Origin | None:
    """The reverse of `write_origin`; None if the text is not ours. A leading `# ` (in OUTPUT.yaml) is allowed."""
    head, _, config = text.partition("\n")
    found = re.fullmatch(r"(?:# )?zoomdream (\S+) (\S+)", head.strip())
    return Origin(found[1], found[2], config) if found else None


def sidecar(output: Path) -> Path | None:
    """`OUTPUT.yaml` for formats that carry no text, else None. For frames/%05d.png it is frames.yaml."""
    if output.suffix.lower() not in SIDECAR_SUFFIXES:
        return None
    whole = output.parent if is_numbered(output) else output
    return whole.with_name(whole.name + ".yaml")


def read_origin(program: Path, output: Path) -> Origin | None:
    """Who made a finished output; None if that is not known. InputError if there is no such file."""
    beside = sidecar(output)
    if beside is not None:
        if not is_numbered(output):
            require_file(output, "a file")
        return _beside(beside)
    return parse_origin(read_tags(program, output).get("comment", ""))


def _beside(path: Path) -> Origin | None:
    """What the YAML beside an output tells, if there is one."""
    try:
        return parse_origin(read_regular(path))
    except (OSError, UnicodeDecodeError):
        return None


def read_metadata(program: Path, video: Path) -> Origin:
    """Who made a video, with its config exactly as it was stored. InputError if the file holds none.

    video may also be the folder of numbered pictures or one of them, and the YAML beside an output.
    """
    if video.is_dir():
        origin = _beside(video.with_name(f"{video.name}.yaml"))
    elif video.suffix == ".yaml":
        require_file(video, "a file")
        origin = _beside(video)
        if origin is None:
            raise InputError(
                f"{video} is a config, not what a video was made of; `zoomdream check` says what it would do."
            )
    else:
        origin = read_origin(program, video)
        if origin is None and video.suffix.lower() == ".png":  # one of many?
            origin = _beside(video.parent.with_name(f"{video.parent.name}.yaml"))
    if origin is None:
        raise InputError(f"{video} was not made by zoomdream, or its metadata has been removed.")
    if all(line.startswith("#") or not line.strip() for line in origin.config.splitlines()):
        raise InputError(
            f"{video} was made by zoomdream {origin.version} with `encode.metadata: false`: it holds no config."
        )
    return origin


def read_tags(program: Path, video: Path) -> dict[str, str]:
    """All tags of a file, keys in lower case. {} if ffmpeg cannot read it; InputError if there is no such file."""
    if "Input #0" not in read_log(program, video):
        return {}
    given = ["-i", f"file:{video.absolute()}", "-map_chapters", "-1"]
    command = [str(program), *ffmpeg.QUIET, *given, "-f", "ffmetadata", "-"]
    return parse_tags(ffmpeg.run(command, what=f"Reading the tags of {video}"))


def parse_tags(text: str) -> dict[str, str]:
    """ffmpeg's own metadata format: `key=value` lines in which = ; # \\ and line ends are escaped by a backslash."""
    tags: dict[str, str] = {}
    for line in re.findall(r"(?:[^\\\n]|\\[\s\S])+", text):
        if line.startswith("["):
            break  # streams and chapters follow
        if line.startswith(";"):
            continue
        key, _, value = _split_pair(line)
        tags[_unescape(key).lower()] = _unescape(value)
    return tags


def format_tags(tags: dict[str, str]) -> str:
    """The reverse of `parse_tags`: a file for `-f ffmetadata`, which unlike a command line may be long."""
    lines = [f"{_escape(key)}={_escape(value)}\n" for key, value in tags.items()]
    return ";FFMETADATA1\n" + "".join(lines)


def _split_pair(line: str) -> tuple[str, str, str]:
    found = re.match(r"((?:[^\\=]|\\[\s\S])*)(=?)([\s\S]*)", line)
    assert found is not None  # every part of the pattern may be empty
    return found[1], found[2], found[3]


def _escape(text: str) -> str:
    return re.sub(r"([=;#\\\n])", r"\\\1", text)


def _unescape(text: str) -> str:
    return re.sub(r"\\([\s\S])", r"\1", text)
