"""Renders the pictures of docs/cookbook.md from the configs that stand below them, with the embedded network.

python scripts/docs/cookbook.py [NAME]...      each about ten seconds on one core

A picture is what there is after one and a half seconds; or the start, the middle and the end, where the page says so.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from PIL import Image
from torch import Tensor

import zoomdream
from zoomdream.config import Config

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "cookbook.md"
FOLDER = ROOT / "configs"  # what the pictures and clips of the looks are relative to
_LOOK = re.compile(r"!\[([^\]]*)\]\(cookbook/(\w+)\.webp\)\s+```yaml\n(.*?)```", re.DOTALL)


class Look(NamedTuple):
    """A look of the page: its config, and whether its picture is three stills, as its text says."""

    text: str
    moves: bool


def looks() -> dict[str, Look]:
    """The looks by the names of their pictures."""
    found = _LOOK.findall(PAGE.read_text(encoding="utf-8"))
    return {name: Look(text, alt.startswith("Start")) for alt, name, text in found}


def main(names: list[str]) -> None:
    os.chdir(FOLDER)
    for name, look in looks().items():
        if not names or name in names:
            path = PAGE.parent / "cookbook" / f"{name}.webp"
            picture(look).save(path, quality=72, method=6)
            print(path, path.stat().st_size, flush=True)


def picture(look: Look) -> Image.Image:
    """A still whose longer edge has 400 pixels; or three smaller ones side by side."""
    frames = [Image.fromarray(_bytes(frame)) for frame in zoomdream.frames(small(yaml.safe_load(look.text)))]
    if not look.moves:
        frames[-1].thumbnail((400, 400), Image.Resampling.LANCZOS)
        return frames[-1]
    strip = Image.new("RGB", (3 * 264 + 2 * 4, 264 * frames[0].height // frames[0].width), "white")
    for number, frame in enumerate((frames[0], frames[len(frames) // 2], frames[-1])):
        strip.paste(frame.resize((264, strip.height), Image.Resampling.LANCZOS), (number * 268, 0))
    return strip


def small(look: dict[str, Any]) -> Config:
    """The config of a look, small and with few frames; 1.5 s of it where it says no length. It shows what the look
    shows at any size, so no edge may be below `dream.coarsest`.
    """
    width, height = look.get("size", (960, 540))
    scale = max(400 / max(width, height), look.get("dream", {}).get("coarsest", 0) / min(width, height))
    settings = [f"size=[{round(width * scale / 2) * 2}, {round(height * scale / 2) * 2}]", "fps=8"]
    if "duration" not in look:
        settings.append("duration=1.5s")
    return zoomdream.load_config(look, settings)


def _bytes(frame: Tensor) -> np.ndarray:
    return (frame.permute(1, 2, 0).numpy() * 255 + 0.5).astype(np.uint8)


if __name__ == "__main__":
    main(sys.argv[1:])
