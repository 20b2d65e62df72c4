"""TIFF beyond what Pillow reads: which page counts, and pages of more than 8 bits in grey, RGB or CMYK, with alpha."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from PIL import TiffImagePlugin

from zoomdream.source.foreign import RAW_TOLD, Refused

MARKS, _LARGE = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), (b"+\0", b"\0+")
PROFILE, ORIENTATION = 34675, 274
_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _STRIPS = 254, 256, 257, 258, 259, 262, 273
_SAMPLES, _SIZES, _PLANES, _PREDICTOR, _WITHIN, _EXTRA, _KIND, _DNG = 277, 279, 284, 317, 330, 338, 339, 50706
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _CMYK, _UNDEVELOPED = 0, 1, 2, 5, (32803, 34892)
_DEFLATE = (8, 32946)
_MOST_PAGES = 1000

Pixels = np.ndarray[tuple[int, ...], np.dtype[Any]]
Page = Any
"""The tags of a page by their numbers."""


def largest_page(data: bytes) -> tuple[int, Page]:
    """The number and the tags of the largest page that is no thumbnail. Refuses a camera's raw picture."""
    pages = [page for _, page in _pages(data)]
    if any(page.get(_PHOTOMETRIC) in _UNDEVELOPED or _DNG in page for page in pages) or (
        pages and all(page.get(_SUBFILE, 0) & 1 and _WITHIN in page for page in pages)
    ):
        raise Refused(RAW_TOLD)
    whole = [page for page in pages if not page.get(_SUBFILE, 0) & 1] or pages
    largest = max(whole, key=lambda page: page.get(_WIDTH, 0) * page.get(_HEIGHT, 0))
    return pages.index(largest), largest


def size(page: Page) -> tuple[int, int]:
    """Width and height."""
    return page.get(_WIDTH, 0), page.get(_HEIGHT, 0)


def is_deep(page: Page) -> bool:
    """Whether a page has more than 8 bits per number."""
    return bool(max(page.get(_BITS, (1,))) > 8)


def is_rgb(page: Page) -> bool:
    return bool(page.get(_PHOTOMETRIC) == _RGB)


def is_inverted(page: Page) -> bool:
    """Whether the largest number is black."""
    return bool(page.get(_PHOTOMETRIC) == _WHITE_IS_ZERO)


def upright(data: bytes) -> bytes:
    """A TIFF whose pages say that they stand upright: which depths OpenCV turns differs between its versions."""
    order: Literal["little", "big"] = "little" if data.startswith(b"I") else "big"
    changed = bytearray(data)
    for offset, page in _pages(data):
        if ORIENTATION not in page:
            continue
        counted, size, value = (8, 20, 12) if data[2:4] in _LARGE else (2, 12, 8)
        count = int.from_bytes(data[offset : offset + counted], order)
        for at in range(offset + counted, offset + counted + count * size, size):
            if int.from_bytes(data[at : at + 2], order) == ORIENTATION:
                changed[at + value : at + value + 2] = (1).to_bytes(2, order)
    return bytes(changed)


def stored(data: bytes, page: Page) -> Pixels | None:
    """The numbers of a page, (H, W, C), in strips that are plain or deflated; None where they are stored otherwise."""
    width, height = size(page)
    samples, bits, kind = page.get(_SAMPLES, 1), set(page.get(_BITS, (1,))), page.get(_KIND, (1,))[0]
    compression, predictor = page.get(_COMPRESSION, 1), page.get(_PREDICTOR, 1)
    if _STRIPS not in page or page.get(_PLANES, 1) != 1 or compression not in (1, *_DEFLATE) or kind not in (1, 3):
        return None
    if bits not in ({16}, {32}, {64}) or predictor not in ((1, 2) if kind == 1 else (1,)):
        return None
    numbers = np.dtype(f"{'<' if data.startswith(b'I') else '>'}{'u' if kind == 1 else 'f'}{max(bits) // 8}")
    left, parts = width * height * samples * numbers.itemsize, []
    for start, length in zip(page[_STRIPS], page.get(_SIZES, (len(data),)), strict=False):
        part = data[start : start + length]
        part = zlib.decompressobj().decompress(part, left) if compression in _DEFLATE and left else part[:left]
        left -= len(part)
        parts.append(part)
    values = np.frombuffer(b"".join(parts), numbers).reshape(height, width, samples)
    return np.cumsum(values, 1, dtype=numbers.newbyteorder("=")) if predictor == 2 else values


def colors(values: Pixels, page: Page) -> Pixels | None:
    """The numbers of a page as grey, RGB, or RGB and alpha, float32: 1 is white, or covered; None for other colours."""
    photometric, extra = page.get(_PHOTOMETRIC), page.get(_EXTRA, ())
    most = 1 if values.dtype.kind == "f" else np.iinfo(values.dtype).max
    light = np.nan_to_num((values / most).astype(np.float32), copy=False)
    inks = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _CMYK: 4}.get(photometric)
    if inks is None or light.shape[2] < inks:
        return None
    color: Pixels = light[..., :inks]
    rest = light[..., inks:]
    if photometric == _WHITE_IS_ZERO:
        color = 1 - color
    elif photometric == _CMYK:
        color = (1 - color[..., :3]) * (1 - color[..., 3:])
    if rest.shape[2] == 0 or not (extra[:1] in ((1,), (2,)) or (not extra and inks == 3)):
        return np.ascontiguousarray(color)
    alpha = rest[..., :1]
    if extra[:1] == (1,):  # the colours were multiplied by it
        color = color / np.where(alpha > 0, alpha, 1)
    return np.dstack([np.broadcast_to(color, (*color.shape[:2], 3)), alpha])


def _pages(data: bytes) -> Iterator[tuple[int, Page]]:
    """Each page: where its tags are, and those."""
    head, file = data[: 16 if data[2:4] in _LARGE else 8], io.BytesIO(data)
    offset, seen = TiffImagePlugin.ImageFileDirectory_v2(head).next, set[int]()
    while offset and offset not in seen and len(seen) < _MOST_PAGES:
        seen.add(offset)
        file.seek(offset)
        page = TiffImagePlugin.ImageFileDirectory_v2(head)
        page.load(file)
        yield offset, page
        offset = page.next
