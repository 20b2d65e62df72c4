"""Draws configs/clip_sample.mp4, which clip.yaml dreams on: two small scenes, a cut, a tone that clicks every second.

python scripts/draw_clip.py [PATH]
"""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

from drawn_clip import DrawnClip, write

SAMPLE = DrawnClip(size=(180, 320), fps=Fraction(24), seconds=5, cut=3)

if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "configs" / "clip_sample.mp4"
    print(write(SAMPLE, target))
