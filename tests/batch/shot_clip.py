"""A config of a clip with four shots, for whoever renders them apart."""

from __future__ import annotations

from pathlib import Path


def clip_config(clip: Path, weights: Path) -> str:
    """Cuts at the frames 9, 80 and 91 of a clip of 12 frames per second."""
    return f"""\
source: {{kind: video, path: {clip}}}
network: {{weights: {weights}}}
dream: {{octaves: 1, steps: 1, warmup: 1, every: 3}}
flow: {{cuts: [9f, 80f, 91f]}}
encode: {{preset: ultrafast}}
performance: {{device: cpu, threads: 1}}
"""
