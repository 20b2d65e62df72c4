"""All made files, in groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bench.files import interlacing, kinds, structure, timing
from bench.files.making import Case

GROUPS: dict[str, Callable[[], Iterator[Case]]] = {
    "codecs": kinds.codecs,
    "pixels": kinds.pixels,
    "animations": timing.animations,
    "holds and cuts": timing.holds_and_cuts,
    "clocks": timing.clocks,
    "rates": timing.rates,
    "turned": structure.turned,
    "fields": interlacing.fields,
    "streams": structure.streams,
    "changing": structure.changing,
    "light": structure.light,
}
