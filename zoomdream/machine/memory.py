"""What counts as out of memory."""

from __future__ import annotations

import errno

_TEXTS = ("out of memory", "can't allocate memory")
"""What errors of torch say that have no type of their own: those of its CPU allocator, of cuDNN and of Apple's GPUs."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the memory of the machine, or of a device, is full.

    torch's own type is known by its name, so that a command that fails early need not wait a second for torch.
    """
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _TEXTS)
