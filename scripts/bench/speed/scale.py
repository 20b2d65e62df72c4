"""Part scale: what a frame costs by its pixels and by its number, and how much memory a render holds."""

from __future__ import annotations

import statistics
import time
from functools import partial
from pathlib import Path

from bench import processes
from bench.command import say
from bench.report import Report, spread
from bench.speed import renders
from bench.speed.timing import Setting, Turn, take_turns

from zoomdream.config import Config
from zoomdream.rendering.plan import make_plan

SIZES = ((426, 240), (852, 480), (1704, 960), (3840, 2160))  # 0.1 to 8 megapixels
QUICK_SIZES = ((160, 90), (320, 180))
TILED_SIZE, TILE = (3840, 2160), 1920
QUICK_TILED_SIZE, QUICK_TILE = (1280, 720), 768
OFF_THE_LINE = 0.15
TILED_OVER_WHOLE = 1.5
LATE_OVER_EARLY = 1.1
MEMORY_SIZES = ((960, 540), (1920, 1080), (3840, 2160))
MOST_MEMORY = 6 * 1024  # MiB, for GoogLeNet at 3840x2160
LIGHT = ("dream.steps=1",)  # one step per octave: the passes are the same, only fewer


def measure(setting: Setting, found: Report) -> None:
    pixels(setting, found)
    tiles(setting, found)
    frames(setting, found)
    memory(setting, found)


def pixels(setting: Setting, found: Report) -> None:
    """dreamnet, untiled: seconds per megapixel of each size, and how far they are off one line through nothing."""
    pixels: dict[str, float] = {}
    turns: dict[str, Turn] = {}
    for size in QUICK_SIZES if setting.quick else SIZES:
        frames = renders.WINDOW if size[0] < 1000 else 8
        chosen = renders.config(setting, "dreamnet", size, frames, *LIGHT, "performance.tile=off")
        title = f"{size[0]}x{size[1]}"
        pixels[title] = size[0] * size[1] / 1e6
        turns[title] = partial(renders.per_frame, chosen, setting.clock, 2)
    taken = take_turns(turns, renders.rounds(setting), setting.threads)
    rows = found.figures["seconds by pixels"] = {
        title: {
            "megapixels": megapixels,
            "seconds per frame": spread(taken.seconds[title]),
            "per megapixel": taken.median(title) / megapixels,
        }
        for title, megapixels in pixels.items()
    }
    off = off_the_line([row["per megapixel"] for row in rows.values()])
    found.at_most("pixels: off a straight line", off, OFF_THE_LINE)


def off_the_line(ratios: list[float]) -> float:
    """How far the ratios are off the one in their middle at the most, as a share of it."""
    return (max(ratios) - min(ratios)) / (max(ratios) + min(ratios))


def tiles(setting: Setting, found: Report) -> None:
    """dreamnet in tiles of a given edge, over the whole at once.

    With as many steps as by default: the first one on an octave looks at all tiles twice.
    """
    size, edge = (QUICK_TILED_SIZE, QUICK_TILE) if setting.quick else (TILED_SIZE, TILE)
    turns: dict[str, Turn] = {}
    for name, tile in (("whole", "off"), (f"tiles of {edge}", edge)):
        chosen = renders.config(setting, "dreamnet", size, 4, f"performance.tile={tile}")
        turns[name] = partial(renders.per_frame, chosen, setting.clock, 1)
    taken = take_turns(turns, renders.rounds(setting), setting.threads)
    ratio = taken.ratio(f"tiles of {edge}", "whole")
    found.figures["tiles"] = {
        f"{size[0]}x{size[1]}": {name: spread(seconds) for name, seconds in taken.seconds.items()}
        | {"tiled over whole": spread(taken.ratios(f"tiles of {edge}", "whole"))}
    }
    found.at_most(f"tiles of {edge}, {size[0]}x{size[1]}: over whole", ratio, TILED_OVER_WHOLE)


def frames(setting: Setting, found: Report) -> None:
    """Long renders of tiny frames: the last fifth over the first. A machine's speed may change within one."""
    count = 120 if setting.quick else 1000
    chosen = renders.config(setting, "dreamnet", (128, 72), count, *LIGHT, "dream.octaves=1")
    early, late = [], []
    for _ in range(renders.rounds(setting)):
        intervals = renders.timed(chosen, setting.clock).intervals[renders.SKIPPED :]
        fifth = len(intervals) // 5
        early.append(statistics.median(intervals[:fifth]))
        late.append(statistics.median(intervals[-fifth:]))
    ratio = statistics.median(after / before for before, after in zip(early, late, strict=True))
    found.figures["seconds by frames"] = {
        f"{count} frames": {"first fifth": statistics.median(early), "last": statistics.median(late), "ratio": ratio}
    }
    found.at_most(f"frames: the last of {count} over the first", ratio, LATE_OVER_EARLY)


def memory(setting: Setting, found: Report) -> None:
    """Peak of a whole render with all its processes: GoogLeNet and dreamnet, two frames. The largest also with the
    limit that it is held to as `performance.memory`, which makes it choose its tiles.
    """
    if not processes.can_see_memory():
        found.skipped["memory"] = "this system does not tell what processes hold (/proc)"
        return
    rows = found.figures["memory"] = {}
    wanted = [("dreamnet", "auto"), *(("googlenet", precision) for precision in setting.precisions)]
    for network, precision in wanted[:1] if setting.quick else wanted:
        for size in ((320, 180),) if setting.quick else MEMORY_SIZES:
            held = network == "googlenet" and size == MEMORY_SIZES[-1]
            for limit in ("auto", f"{MOST_MEMORY} MiB") if held else ("auto",):
                changes = [*LIGHT, f"performance.precision={precision}", f"performance.memory={limit}"]
                chosen = renders.config(setting, network, size, 2, *changes)
                plan = make_plan(chosen)
                begin = time.perf_counter()
                peak = processes.peak_of(processes.zoomdream("render", str(written(chosen)), "--quiet"))
                title = f"{network}, {size[0]}x{size[1]}, {plan.precision}" + (f", {limit}" if limit != "auto" else "")
                rows[title] = {"peak, MiB": peak, "seconds in all": time.perf_counter() - begin}
                say(f"  {title}: {peak:.0f} MiB")
            if held:
                found.at_most(f"{precision}: MiB at 3840x2160, GoogLeNet", peak, MOST_MEMORY)


def written(config: Config) -> Path:
    """The config as a file for a command."""
    path = config.output.with_suffix(".yaml")
    path.write_text(config.to_yaml(), encoding="utf-8")
    return path
