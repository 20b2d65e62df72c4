"""A contact sheet: one HTML page on which renders are seen side by side, each with what differs and a link."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from zoomdream import ffmpeg
from zoomdream.batch.renders import Render
from zoomdream.config.codecs import is_numbered
from zoomdream.config.write import flat
from zoomdream.encode.page import data_address, fill_template, write_page
from zoomdream.errors import OutputError

MOST_LOOPS = 60  # with more renders the page holds stills: a loop is about 100 kB, a still 10
LOOP_SECONDS = 3
_WIDTH = 320  # pixels
_LOOP_RATE = 12
_MOST_KEYS = 12
_FINISHED = ("done", "skipped")


@dataclass(frozen=True, slots=True)
class Card:
    """One render: its name, the keys and values in which it differs, a link to its output, a picture and what failed;
    what is empty is not there.
    """

    name: str
    values: Mapping[str, str]
    link: str = ""
    picture: str = ""
    problem: str = ""


def write_sheet(path: Path, renders: Sequence[Render]) -> None:
    """Write the page; pictures are inside of it, videos are linked. Raises OutputError."""
    finished = [render for render in renders if render.status in _FINISHED]
    moving = len(finished) <= MOST_LOOPS
    page = fill_template(
        "sheet.html",
        title=path.stem,
        summary=f"{len(finished)} of {len(renders)} renders are finished",
        width=_WIDTH,
        cards=[
            _card(path, render, values, moving) for render, values in zip(renders, differences(renders), strict=True)
        ],
    )
    write_page(path, page, f"--sheet {path}")


def differences(renders: Sequence[Render]) -> list[dict[str, str]]:
    """For each render the keys in which it differs from another one, dotted, with its values, at most twelve."""
    trees = [dict(flat(render.config.tree())) if render.config else dict(render.choice) for render in renders]
    known = [tree for tree, render in zip(trees, renders, strict=True) if render.config]
    keys = dict.fromkeys(key for tree in known for key in tree if key != "output")
    chosen = dict.fromkeys(key for render in renders for key in render.choice)
    apart = [key for key in keys if len({str(tree.get(key)) for tree in known}) > 1]
    first = [key for key in chosen if key in apart or key not in keys]  # what a matrix varies is what is looked for
    ordered = [*first, *(key for key in apart if key not in first)][:_MOST_KEYS]
    return [{key: _text(tree[key]) for key in ordered if key in tree} for tree in trees]


def _text(value: Any) -> str:
    if isinstance(value, Path):
        return value.name
    return ", ".join(str(item) for item in value) if isinstance(value, list | tuple) else str(value)


def _card(sheet: Path, render: Render, values: Mapping[str, str], moving: bool) -> Card:
    if render.status not in _FINISHED or render.config is None:
        return Card(render.name, values, problem=render.error or render.status)
    output = render.config.output
    link = _link(sheet, output.parent if is_numbered(output) else output)
    try:
        return Card(render.name, values, link, _picture(render, moving) or link)
    except OutputError as error:
        return Card(render.name, values, link, problem=str(error))


def _link(sheet: Path, target: Path) -> str:
    try:
        return quote(Path(os.path.relpath(target, sheet.parent)).as_posix())
    except ValueError:  # another drive
        return target.absolute().as_uri()


def _picture(render: Render, moving: bool) -> str | None:
    """The end of a render as a data address; None where browsers show the file itself and ffmpeg cannot read it."""
    config = render.config
    assert config is not None
    if config.output.suffix.lower() == ".webp":
        return None
    still = config.output.suffix.lower() == ".png" and not is_numbered(config.output)
    moving = moving and not still
    kind = "webp" if moving else "jpeg"
    length = config.frames / config.fps
    begin = 0.0 if still else max(0.0, float(length - (LOOP_SECONDS if moving else 1 / config.fps)))
    source, name = [], config.output.absolute()
    if config.output.suffix.lower() == ".png":  # else ffmpeg takes [ ] { } * ? in the name for a pattern
        kind_of_name = "none" if still else "sequence"
        if not still:  # of a pattern only the name is one
            name = Path(str(name.parent).replace("%", "%%"), name.name)
        source = ["-f", "image2", "-pattern_type", kind_of_name, "-framerate", str(config.fps)]
    scale = f"scale='min({_WIDTH},iw)':-2:flags=bicubic,format=yuv420p"
    with tempfile.TemporaryDirectory(prefix="zoomdream_sheet_") as folder:
        target = Path(folder, f"small.{kind}")
        if moving:
            made = ["-vf", f"fps=min({_LOOP_RATE}\\,source_fps),{scale}", "-c:v", "libwebp_anim", "-quality", "55"]
            made += ["-loop", "0", "-f", "webp"]
        else:
            made = ["-vf", scale, "-update", "1", "-q:v", "4", "-f", "image2"]
        command = [
            str(ffmpeg.executable(config.encode.ffmpeg)), *ffmpeg.QUIET, "-y", "-ss", f"{begin:.3f}", *source,
            "-i", f"file:{name}", "-map", "0:v:0", *made, str(target),
        ]  # fmt: skip
        ffmpeg.run(command, what=f"Making a small picture of {config.output}")
        return data_address(target.read_bytes(), f"image/{kind}")
