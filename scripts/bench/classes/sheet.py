"""A contact sheet: pictures in rows, each with its class and who knew it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

LINE = 18  # pixels below each picture for its words
MOST_BYTES = 300_000


def write_sheet(path: Path, pictures: Sequence[tuple[str, Tensor]], columns: int, edge: int) -> None:
    """A JPEG or WebP of pictures (1, 3, H, W), each shrunk to `edge`, no larger than MOST_BYTES."""
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * edge, rows * (edge + LINE)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for number, (words, picture) in enumerate(pictures):
        left, top = number % columns * edge, number // columns * (edge + LINE)
        pixels = np.uint8(picture[0].permute(1, 2, 0).clamp(0, 1).numpy() * 255 + 0.5)
        sheet.paste(Image.fromarray(pixels).resize((edge, edge), Image.Resampling.LANCZOS), (left, top))
        pen.text((left + 3, top + edge + 2), words, "black", font)
    path.parent.mkdir(parents=True, exist_ok=True)
    for quality in range(92, 20, -4):
        sheet.save(path, quality=quality)
        if path.stat().st_size <= MOST_BYTES:
            return
