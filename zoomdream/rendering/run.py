"""run.json: what a render was started with, so that whoever continues it does the same."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from zoomdream.errors import OutputError
from zoomdream.machine.files import read_regular
from zoomdream.rendering.state_file import STATE_FILE
from zoomdream.types import Plan

FILE = "run.json"
FORMAT = 7
"""Goes up with every change of `Run` or of the other files in the working folder: no render goes on across that."""


@dataclass(frozen=True, slots=True)
class Run:
    """A started render. The plan stays what it was at its start.

    overwrite: what was at the output's place at the start may be replaced. trim: so may numbered pictures beyond the
    last frame. versions: of what frames and bytes may depend on; config: what is stored in the file.
    """

    fingerprint: str
    frames: int
    seed: int
    plan: Plan
    versions: Mapping[str, str]
    overwrite: bool
    trim: bool
    config: str


_FIELDS: Mapping[str, type] = {name: get_origin(hint) or hint for name, hint in get_type_hints(Run).items()}


def write_run(run: Run) -> str:
    """The text of run.json."""
    plain = {"format": FORMAT, **asdict(run)}
    return json.dumps({**plain, "checksum": _checksum(plain)}, indent=2) + "\n"


def _checksum(plain: Mapping[str, Any]) -> str:
    return f"{zlib.crc32(json.dumps(plain, sort_keys=True).encode()):08x}"


def parse_run(text: str) -> Run:
    """The reverse of `write_run`. ValueError, with a few words on why, for a damaged text or one of another version."""
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("it is damaged") from None
    if not isinstance(plain, dict):
        raise ValueError("it is damaged")
    intact, written = plain.pop("checksum", None) == _checksum(plain), plain.pop("format", None)
    if written != FORMAT:
        raise ValueError("another version of zoomdream has written it")
    plain["plan"] = parse_plan(plain.get("plan"))
    if (
        not intact
        or plain.keys() != _FIELDS.keys()
        or not all(_is(plain[name], wanted) for name, wanted in _FIELDS.items())
    ):
        raise ValueError("it is damaged")
    return Run(**plain)


def parse_plan(plain: object) -> Plan | None:
    """A plan from JSON, in which other keys may stand too; None if it is damaged or of another version."""
    if not isinstance(plain, dict):
        return None
    found: dict[str, Any] = {field.name: plain.get(field.name) for field in fields(Plan)}
    if isinstance(found["cuts"], list):
        found["cuts"] = tuple(found["cuts"])
    fits = all(_is(found[name], get_origin(hint) or hint) for name, hint in get_type_hints(Plan).items())
    return Plan(**found) if fits else None


def read_run(folder: Path) -> Run | None:
    """The run in a working folder; None where there is none, or a damaged one without finished segments.

    OutputError for a damaged one with finished segments.
    """
    try:
        return parse_run(read_regular(folder / FILE))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        if not (folder / STATE_FILE).exists():
            return None
        why = error.strerror if isinstance(error, OSError) else error
        raise OutputError(
            f"{folder / FILE} of an unfinished render cannot be read ({why}), so that it cannot go on. Give another "
            "output, or `--restart` to throw it away and begin anew."
        ) from error


def _is(value: object, wanted: type) -> bool:
    """`isinstance`, but that true and false are no numbers."""
    return isinstance(value, wanted) and isinstance(value, bool) == (wanted is bool)
