"""A picture to a file."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image
from torch import Tensor

from zoomdream.encode.pixels import to_bytes
from zoomdream.errors import OutputError
from zoomdream.machine.files import write_whole


def write_png(path: Path, picture: Tensor) -> None:
    """Write (1, 3, H, W) in [0, 1] as 8 bit PNG, whole or not at all. OutputError if that fails."""
    height, width = picture.shape[-2:]
    packed = io.BytesIO()
    Image.frombytes("RGB", (width, height), to_bytes(picture.detach(), 8)).save(packed, "PNG")
    try:
        write_whole(path, packed.getvalue())
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}.") from error
