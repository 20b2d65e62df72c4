"""One clip, dreamt by every rule at the same strength: the figures, and the bars they are held to."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from bench.coherence import clips, measures, rules
from bench.coherence.dreaming import Dreamer
from bench.coherence.matching import Match, match
from bench.report import Report
from bench.tables import Rows, number, rows_of
from torch import Tensor

import zoomdream
from zoomdream.config import Config

OURS = "zoomdream"
SAME_STRENGTH, SHARP = 0.05, 0.95  # what counts as equal to frame-by-frame dreaming
OF_FRAME_BY_FRAME, OF_THE_BEST_RULE, DRIFT = 0.10, 0.6, 0.10  # the bars


@dataclass(frozen=True, slots=True)
class Subject:
    """A clip to be compared on: its pictures, its rate, where it cuts, and whether it is held to the bars."""

    name: str
    sources: Sequence[Tensor]
    rate: Fraction
    cuts: tuple[int, ...]
    held: bool = True


def render(config: Config) -> list[Tensor]:
    """All frames of a render, through the public door."""
    return [frame[None] for frame in zoomdream.frames(config)]


def compare(
    found: Report,
    subject: Subject,
    dreamer: Dreamer,
    render_at: Callable[[float | None], Sequence[Tensor]],
    step_size: float,
    *,
    tolerance: float = 0.02,
    keep: Path | None = None,
) -> dict[str, Any]:
    """Dream `subject` by every rule as strongly as frame by frame with `step_size`; figures, and bars in `found`.

    render_at: zoomdream's own frames with a step size; None is the config's own.
    tolerance: how far from the same strength a search may end, as a share.
    keep: a folder for the dreams, as lossless clips.
    """
    sources = subject.sources
    judged = measures.judge(sources, subject.cuts)
    floor = measures.e_warp(sources, judged)

    def strength(outputs: Sequence[Tensor]) -> float:
        return measures.strength(outputs, sources, dreamer.energy)

    def figures(name: str, outputs: Sequence[Tensor], step: float, strong: float) -> dict[str, Any]:
        error = measures.e_warp(outputs, judged)
        if keep is not None:
            place = keep / f"{subject.name} {name}.mp4".replace(" ", "_").replace("%", "percent")
            clips.write(place, outputs, subject.rate)
        print(f"{subject.name}, {name}: E_warp {error:.3g}, strength {strong:.3g}", file=sys.stderr, flush=True)
        return {
            "step size": step,
            "E_warp": error,
            "E_warp less the source's": error - floor,
            "strength": strong,
            "strength by second": measures.strength_by_second(outputs, sources, dreamer.energy, float(subject.rate)),
            "sharpness": measures.sharpness(outputs),
            "drift": measures.drift(outputs, sources, float(subject.rate)),
        }

    reference = rules.frame_by_frame(sources, dreamer.at(step_size, sources, fixed_jitter=True))
    wanted = strength(reference)
    by_rule = {rules.FRAME_BY_FRAME: figures(rules.FRAME_BY_FRAME, reference, step_size, wanted)}
    runs: dict[str, Callable[[float], Sequence[Tensor]]] = {
        name: lambda step, rule=rule: rule(sources, dreamer.at(step, sources))  # type: ignore[misc]
        for name, rule in rules.RULES.items()
    }
    for name, run in {**runs, OURS: render_at}.items():
        matched: Match = match(run, strength, wanted, start=step_size / 2, tolerance=tolerance)
        by_rule[name] = figures(name, matched.outputs, matched.step_size, matched.strength)
        by_rule[name] |= {"strength over frame by frame's": matched.share, "tries": matched.tries}
    usual = render_at(None)
    by_rule[f"{OURS} as configured"] = figures(f"{OURS} as configured", usual, dreamer.step_size, strength(usual))

    if subject.held:
        hold(found, subject, by_rule)
    return {
        "frames": len(sources),
        "frames per second": float(subject.rate),
        "cuts": list(subject.cuts),
        "trusted pixels": measures.coverage(judged),
        "E_warp of the source": floor,
        "sharpness of the source": measures.sharpness(sources),
        "rules": by_rule,
    }


def title(name: str, clip: dict[str, Any]) -> str:
    """What a clip is, above the table of its rules."""
    cuts = ", ".join(map(str, clip["cuts"]))
    return (
        f"{name}: {clip['frames']} frames{f', cut at {cuts}' if cuts else ''}; the source's own E_warp is "
        f"{number(clip['E_warp of the source'])}, {clip['trusted pixels']:.0%} of the pixels are trusted"
    )


def rows(by_rule: dict[str, dict[str, Any]]) -> Rows:
    """The figures of each rule on one clip."""
    shown = ("step size", "E_warp", "E_warp less the source's", "strength", "sharpness")
    return rows_of(
        {
            name: {
                **{figure: figures[figure] for figure in shown},
                "strength by second": " ".join(f"{value:.1f}" for value in figures["strength by second"]),
                **{f"drift of {kind}": change for kind, change in figures["drift"].items()},
            }
            for name, figures in by_rule.items()
        },
        "rule",
    )


def hold(found: Report, subject: Subject, by_rule: dict[str, dict[str, Any]]) -> None:
    """The bars of one clip."""
    name, ours, reference = subject.name, by_rule[OURS], by_rule[rules.FRAME_BY_FRAME]
    found.within(
        f"{name}: strength over frame by frame's",
        ours["strength"] / reference["strength"],
        (1 - SAME_STRENGTH, 1 + SAME_STRENGTH),
    )
    found.at_least(f"{name}: sharpness over frame by frame's", ours["sharpness"] / reference["sharpness"], SHARP)
    flicker = {rule: by_rule[rule]["E_warp less the source's"] for rule in by_rule}
    found.at_most(
        f"{name}: E_warp over frame by frame's, less the source's",
        flicker[OURS] / flicker[rules.FRAME_BY_FRAME],
        OF_FRAME_BY_FRAME,
    )
    # Rules that carry the picture itself blur it, the clip's own changes too: they can end below the clip's E_warp.
    bar = f"{name}: E_warp over the best published rule's, less the source's"
    sharp = SHARP * reference["sharpness"]
    matched = [
        flicker[rule] for rule in rules.RULES if equally_strong(by_rule[rule]) and by_rule[rule]["sharpness"] >= sharp
    ]
    if matched and min(matched) > 0:
        found.at_most(bar, flicker[OURS] / min(matched), OF_THE_BEST_RULE)
    else:
        found.skipped[bar] = "the best is below the source's own" if matched else "none is as strong and as sharp"
    for kind, change in ours["drift"].items():
        found.at_most(f"{name}: {kind}, last second over the second, off the source's", abs(change), DRIFT)


def equally_strong(figures: dict[str, Any]) -> bool:
    return math.isfinite(figures["strength"]) and abs(figures["strength over frame by frame's"] - 1) <= SAME_STRENGTH


def carried_across(
    subject: Subject, cut: int, render_clip: Callable[[Sequence[Tensor], int], Sequence[Tensor]]
) -> float:
    """The largest difference, of the frames after a cut, that it makes what was there before the cut.

    render_clip(sources, cut): zoomdream's frames of these pictures, which cut at `cut`. Another past of the same
    length (its pictures upside down, darker, in reverse) must not change anything after the cut: the frames there are
    those of an empty state at the same frame numbers. Only the shots before and after the cut, two frames of each.
    """
    begin, end = max(cut - 2, 0), min(cut + 2, len(subject.sources))
    before, after = list(subject.sources[begin:cut]), list(subject.sources[cut:end])
    other = [0.7 * picture.flip(2) for picture in reversed(before)]
    one, two = (render_clip([*past, *after], cut - begin) for past in (before, other))
    if torch.equal(one[0], two[0]):
        raise ValueError("the past did not change the past: nothing was tested")
    return max(
        float((left - right).abs().max()) for left, right in zip(one[-len(after) :], two[-len(after) :], strict=True)
    )
