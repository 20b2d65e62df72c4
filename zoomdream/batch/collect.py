"""From what was typed to renders: files, folders and patterns; every config checked before anything starts."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from zoomdream import assembly, ffmpeg
from zoomdream.batch.inspect import inspect
from zoomdream.batch.matrix import expand
from zoomdream.batch.renders import Render
from zoomdream.batch.work import WarmNetworks, failure
from zoomdream.config.codecs import is_numbered, resolve_pixel_format
from zoomdream.config.origin import as_on_disk
from zoomdream.encode.metadata import parse_origin
from zoomdream.errors import ConfigError
from zoomdream.machine.devices import check_device
from zoomdream.rendering import make_job
from zoomdream.rendering.job import recall
from zoomdream.rendering.plan import make_plan
from zoomdream.rendering.workspace import working_folder
from zoomdream.types import Plan

CONFIGS = (".yaml", ".yml")
LITTER = ("._*", ".ds_store", "thumbs.db", "desktop.ini", "~$*", ".~*", ".#*", "#*#", "*~", "*.sw?")
"""Names, in lower case, of what systems, offices and editors leave beside files."""


def find_files(names: Iterable[str]) -> list[Path]:
    """The configs that files, folders and patterns name, each once. Raises ConfigError for what names none.

    A folder stands for the configs right in it, but not for those that renders have left beside their outputs. Litter
    counts only where it is all that is named.
    """
    found: dict[str, Path] = {}
    for name in names:
        for path in _named(name):
            found.setdefault(os.path.realpath(path), path)
    return [path for path in found.values() if not _is_litter(path)] or list(found.values())


def _named(name: str) -> list[Path]:
    path = as_on_disk(Path(name), Path())
    if path.is_dir():
        inside = [entry for entry in sorted(path.iterdir()) if entry.suffix.lower() in CONFIGS and entry.is_file()]
        inside = [entry for entry in inside if not _is_litter(entry) and not _left_by_a_render(entry)]
        if not inside:
            raise ConfigError(f"{name} holds no configs ({', '.join(CONFIGS)}).")
        return inside
    if path.exists() or not glob.has_magic(name):
        return [path]  # one that is missing is told like any other wrong config
    matching = [Path(match) for match in sorted(glob.glob(name, recursive=True)) if Path(match).is_file()]
    if not matching:
        raise ConfigError(f"no file matches {name}.")
    return matching


def _is_litter(path: Path) -> bool:
    return any(fnmatchcase(path.name.lower(), pattern) for pattern in LITTER)


def _left_by_a_render(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8") as file:
            return parse_origin(file.readline()) is not None
    except (OSError, UnicodeDecodeError):
        return False


def collect(
    files: Sequence[Path], overrides: Sequence[str] = (), checked: Callable[[Render], None] = lambda _: None
) -> list[Render]:
    """Every render of the files, checked: status "failed" with its error, "skipped" where it is finished, "waiting".

    `checked` hears of each. Raises ConfigError where two of them have the same output.
    """
    networks, found = WarmNetworks(), []
    for path in files:
        for render in _renders(path, overrides):
            if render.config is not None:
                _check(render, networks)
            checked(render)
            found.append(render)
    refuse_duplicates(found)
    return found


def _renders(path: Path, overrides: Sequence[str]) -> Iterator[Render]:
    try:
        variants = expand(path, overrides)
    except Exception as error:
        yield _wrong(Render(path, {}), error)
        return
    for variant in variants:
        render = Render(path, variant.choice)
        try:
            render.config = variant.load()
        except Exception as error:
            _wrong(render, error)
        yield render


def _check(render: Render, networks: WarmNetworks) -> None:
    """Everything about a config that can be known without rendering. What is `auto` in it is decided here where an
    earlier start has decided it, else by the worker, from the memory and the cores that are free then.
    """
    config = render.config
    assert config is not None
    try:
        undecided = Plan("cpu", "float32", 1, resolve_pixel_format(config.encode.codec, config.encode.pixel_format))
        place = config.output.parent if is_numbered(config.output) else config.output
        with config.error_context():
            render.plan = recall(config.output, ffmpeg.executable(config.encode.ffmpeg))
        if render.plan is not None or place.exists():
            plan = make_plan(config, render.plan)
            render.plan = render.plan and plan
        else:
            plan = undecided
            if config.performance.device != "auto":
                with config.error_context("performance.device"):
                    check_device(config.performance.device)
        job = make_job(config, plan)
        assembly.layers(config, networks(config, undecided))
        seen = inspect(job)
    except Exception as error:
        _wrong(render, error)
        return
    render.kept, render.damaged = seen.kept, seen.damaged
    if seen.finished:
        render.status = "skipped"


def _wrong(render: Render, error: Exception) -> Render:
    found = failure(0, 0.0, error)
    render.status, render.error, render.exit_code = "failed", found.text, found.exit_code
    return render


def refuse_duplicates(renders: Sequence[Render]) -> None:
    """ConfigError if two renders would write to the same place, names of which may differ."""
    owners: dict[str, Render] = {}
    for render in renders:
        if render.config is None:
            continue
        output = render.config.output
        place = os.path.normcase(os.path.realpath(working_folder(output)))
        first = owners.setdefault(place, render)
        if first is not render:
            raise ConfigError(
                f"{_described(first)} and {_described(render)} have the same output, {output}. Nothing was started. "
                "Give each its own, in a matrix by names such as out/{seed}.mp4."
            )


def _described(render: Render) -> str:
    picked = ", ".join(f"{key}: {value}" for key, value in render.choice.items())
    return f"{render.source} ({picked})" if picked else str(render.source)
