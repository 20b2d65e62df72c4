"""Writes docs/reference.md from the keys, functions, easings and codecs of the package.

python scripts/docs/reference.py
"""

from __future__ import annotations

from pathlib import Path

from zoomdream.config import reference

if __name__ == "__main__":
    page = Path(__file__).parents[2] / "docs" / "reference.md"
    page.write_text(reference.markdown(), encoding="utf-8")
    print(page)
