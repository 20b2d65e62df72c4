"""Pictures as the raw bytes that ffmpeg reads."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from zoomdream.encode.pixels import pack, raw


@pytest.mark.parametrize("bits", [8, 16])
def test_raw_bytes_are_rows_of_rgb(bits: int) -> None:
    picture = torch.tensor([[1.0, 0.0], [0.5, 0.0], [0.0, 2.0]]).view(1, 3, 1, 2)  # two pixels; 2.0 is clipped
    top = 255 if bits == 8 else 65535
    values = np.frombuffer(raw(pack(picture, bits)), "u1" if bits == 8 else "<u2")
    assert values.tolist() == [top, round(top / 2), 0, 0, 0, top]
