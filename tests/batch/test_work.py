"""What an error means for a render of a batch: the text, the exit code, and whether to try again."""

from __future__ import annotations

import pytest
import torch

from zoomdream.batch.work import failure
from zoomdream.errors import ConfigError, InputError, OutputError, RenderInterrupted


@pytest.mark.parametrize(
    "error",
    [
        OutputError("Encoding failed.", signal=9),
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("MPS backend out of memory"),
    ],
)
def test_a_render_that_ran_out_of_memory_is_tried_again(error: Exception) -> None:
    assert failure(0, 1.0, error).passing


@pytest.mark.parametrize(
    "error",
    [
        OutputError("Encoding failed: ffmpeg ended with code 1: was ended by signal 9"),
        InputError("notes on how a child was ended by signal.mp4 does not exist."),
        ConfigError("wrong."),
        OSError(28, "No space left on device"),
    ],
)
def test_other_errors_would_come_again(error: Exception) -> None:
    assert not failure(0, 1.0, error).passing


def test_ctrl_c_is_no_failure_of_its_own() -> None:
    found = failure(0, 1.0, RenderInterrupted("Stopped."))
    assert found.stopped
    assert not found.passing
