"""`zoomdream new`: the ready configs, which travel inside the wheel, copied into the working directory."""

from __future__ import annotations

import argparse
import difflib
import shlex
from pathlib import Path

import yaml

from zoomdream.cli.tables import say, show, tell
from zoomdream.errors import ConfigError, OutputError


def run(arguments: argparse.Namespace) -> int:
    """Write one ready config and print its path, or list them all."""
    configs = ready_configs()
    if arguments.list:
        show(("name", "what it shows"), [(name, first_comment(path)) for name, path in configs.items()])
        return 0
    if arguments.name is None:
        raise ConfigError(f"which config? One of {', '.join(configs)} (`zoomdream new --list` says what they show)")
    name = arguments.name.removesuffix(".yaml")
    if name not in configs:
        near = difflib.get_close_matches(name, configs, n=1)
        hint = f"did you mean {near[0]}?" if near else f"the ready ones are {', '.join(configs)}"
        raise ConfigError(f"there is no ready config {name!r}; {hint}")
    target = arguments.output or Path(configs[name].name)
    brought = _write_new(target, configs[name])
    tell(target)
    beside = f"{' and '.join(path.name for path in brought)} came with it; " if brought else ""
    command = "batch" if "matrix:" in target.read_text(encoding="utf-8") else "render"
    say(f"{beside}next: zoomdream {command} {shlex.quote(str(target))}")
    return 0


def ready_configs() -> dict[str, Path]:
    """The ready configs by name (those for batches with their folder, batch/seeds): zoomdream/configs in a wheel,
    configs/ beside the package in a checkout.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "configs", package.parent / "configs"):
        if folder.is_dir():
            found = [*sorted(folder.glob("*.yaml")), *sorted(folder.glob("*/*.yaml"))]
            return {path.relative_to(folder).with_suffix("").as_posix(): path for path in found}
    raise AssertionError(f"no configs beside or inside {package}: the package was built wrongly")


def require_config(path: Path) -> None:
    """ConfigError, with the command that writes it, for a ready config that is not here."""
    name = path.name.removesuffix(".yaml")
    if not path.exists() and not path.with_name(f"{name}.yaml").exists() and name in ready_configs():
        raise ConfigError(f"there is no file {path} yet; `zoomdream new {name}` writes it here")


def first_comment(path: Path) -> str:
    """What a config shows: the text of its first comment line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((line.lstrip("# ") for line in lines if line.startswith("#")), "")


def companions(config: Path) -> list[Path]:
    """The files beside a ready config that it needs, which go where it goes: the pictures and clips that it names, the
    config that it extends, and what that one needs.
    """
    text = config.read_text(encoding="utf-8")
    found = {path for path in config.parent.iterdir() if path.suffix != config.suffix and path.name in text}
    base = yaml.safe_load(text).get("extends")
    if base is not None:
        found |= {config.parent / base, *companions(config.parent / base)}
    return sorted(found)


def _write_new(config: Path, source: Path) -> list[Path]:
    """Copy a ready config to `config` and its companions to its side, all or nothing; which of them it has brought.

    What is there is never replaced: a config stops this, and so does another picture or clip of a companion's name. A
    config that is to be extended may be there, changed by its owner.
    """
    sources = {config: source}
    for companion in companions(source):
        target = config.parent / companion.name
        if target == config:
            raise OutputError(f"{source.stem} needs a file {target.name} beside it; choose another name with --output")
        sources[target] = companion
    written: list[Path] = []
    try:
        for target, original in sources.items():
            content = original.read_bytes()
            if target != config and target.is_file():
                if target.read_bytes() == content:
                    continue  # an earlier `zoomdream new` brought it
                if target.suffix == source.suffix:
                    say(f"{config} extends {target}, which is already there and is left as it is")
                    continue
            with target.open("xb") as file:
                written.append(target)
                file.write(content)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        if isinstance(error, FileExistsError):
            other = "name" if target == config else "folder"
            raise OutputError(
                f"{target} is already there and is left alone; choose another {other} with --output"
            ) from None
        raise OutputError(f"{target} cannot be written: {error.strerror}") from None
    return written[1:]
