"""Renders the moving pictures of the README from configs/, with the embedded network.

python scripts/docs/gallery.py [NAME]...      each about a minute on two cores
"""

from __future__ import annotations

import sys
from pathlib import Path

import zoomdream

ROOT = Path(__file__).parents[2]
# Small enough for a page, long enough to see something leave; every byte stays in the history for ever.
PICTURES = {
    "endless_zoom": ("size=[400, 224]", "fps=12", "duration=6s"),
    "droste_spiral": ("size=[288, 162]", "fps=10", "duration=6s", "camera.zoom=1.557", "camera.rotate=14"),
    "clip": ("size=[400, 224]", "fps=12"),
}


def main(names: list[str]) -> None:
    for name in names or PICTURES:
        settings = [*PICTURES[name], f"output={ROOT / 'docs' / f'{name}.webp'}"]
        finished = zoomdream.render(zoomdream.load_config(ROOT / "configs" / f"{name}.yaml", settings), restart=True)
        finished.with_name(f"{finished.name}.yaml").unlink()  # it names folders of this machine
        print(finished)


if __name__ == "__main__":
    main(sys.argv[1:])
