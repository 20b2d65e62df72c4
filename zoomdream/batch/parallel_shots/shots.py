"""The shots of one clip as work of their own: rendered anywhere, put together to the frames of a render in one go.

A shot knows nothing of the shot before it, so it can be rendered by itself. Segments are closed, but a cut may lie
within one: such a segment is encoded by whoever has the last of its frames, from the very bytes that its encoder would
have got. So nothing is encoded twice, and the frames are the same to the last bit.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoomdream.config import Config
from zoomdream.encode.segment import EncodeSettings
from zoomdream.errors import ZoomdreamError
from zoomdream.machine.render_settings import torch_threads
from zoomdream.rendering import make_job
from zoomdream.rendering.plan import cuts, make_plan
from zoomdream.rendering.publish import rehearse
from zoomdream.rendering.recording import Recording
from zoomdream.rendering.workspace import working_folder
from zoomdream.types import Plan


@dataclass(frozen=True, slots=True)
class Part:
    """Whole shots of a clip, from frame `begin` up to `end` (without it), rendered into a folder of their own."""

    begin: int
    end: int
    folder: Path

    def recording(self, settings: EncodeSettings, frames: int) -> Recording:
        """What it records of a render of `frames`."""
        return Recording(self.folder, settings, frames, self.begin, self.end)


def split(config: Config, threads: int, most: int) -> tuple[Plan, tuple[Part, ...]] | None:
    """A clip's render as at most `most` parts of whole shots, and the plan that all of them share.

    threads: those of each part, where the config leaves them open. None where it has just one shot, or the output is
    pictures. Raises what `make_job` raises.
    """
    if most < 2 or shots_of(config) < 2:
        return None
    with torch_threads(threads):
        plan = make_plan(config)
        job = make_job(config, plan)
    rehearse(job)
    folder = parts_folder(config.output.absolute()) / job.fingerprint[:16]  # workers may be in other folders
    spans = _grouped([0, *plan.cuts, config.frames], most)
    parts = [Part(begin, end, folder / f"{begin:06d}-{end:06d}") for begin, end in spans]
    return plan, tuple(parts)


def shots_of(config: Config) -> int:
    """How many shots a render has that may be rendered each by itself; 1 where that cannot be known."""
    if config.encode.codec == "png":
        return 1
    with contextlib.suppress(ZoomdreamError):  # it is told when the render begins
        return 1 + len(cuts(config))
    return 1


def parts_folder(output: Path) -> Path:
    """Where the parts of a render are until it is finished."""
    folder = working_folder(output)
    return folder.with_name(f"{folder.name}-parts")


def _grouped(borders: Sequence[int], most: int) -> list[tuple[int, int]]:
    """Neighbouring shots together, until there are no more than `most` parts of about the same length."""
    target = borders[-1] / most
    spans, begin = [], borders[0]
    for number, border in enumerate(borders[1:], start=1):
        last = number == len(borders) - 1
        if last or border - begin >= target:
            spans.append((begin, border))
            begin = border
    return spans
