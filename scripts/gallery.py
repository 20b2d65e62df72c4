"""Renders the moving picture of the README from configs/endless_zoom.yaml, with the embedded network.

python scripts/gallery.py        about a minute on two cores
"""

from __future__ import annotations

from pathlib import Path

import zoomdream

ROOT = Path(__file__).parents[1]
# Small enough for a page, long enough to see something leave; every byte stays in the history for ever.
SETTINGS = ("size=[400, 224]", "fps=12", "duration=6s")

if __name__ == "__main__":
    config = zoomdream.load_config(
        ROOT / "configs" / "endless_zoom.yaml", [*SETTINGS, f"output={ROOT / 'docs' / 'endless_zoom.webp'}"]
    )
    finished = zoomdream.render(config, restart=True)
    finished.with_name(f"{finished.name}.yaml").unlink()  # it names folders of this machine
    print(finished)
