"""What to say about an exception that nobody foresaw: the machine's limits in plain words, all else as our own bug."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import tempfile
import traceback

from zoomdream.errors import OutputError
from zoomdream.machine.limits import is_out_of_memory
from zoomdream.version import __version__


def explain(error: Exception) -> tuple[str, int]:
    """(one paragraph, exit code). Writes the traceback of a bug into a file of the temporary folder."""
    if is_out_of_memory(error):
        return (
            "not enough memory for this render; set `performance.memory` or a smaller `performance.tile`, make `size` "
            "smaller, or choose another `performance.device`. What is finished is kept: with the same config the "
            "render goes on where it was.",
            1,
        )
    if isinstance(error, OSError) and error.strerror:
        name = f"{error.filename}: " if error.filename is not None else ""
        return f"{name}{error.strerror}", OutputError.exit_code
    text = next(iter(str(error).splitlines()), "")
    where = _write_traceback(error)
    kept = f"The traceback is in {where}" if where else "ZOOMDREAM_DEBUG=1 shows the traceback"
    return f"this is a bug in zoomdream: {type(error).__name__}: {text}\n{kept}; please report it with the config.", 1


def _write_traceback(error: Exception) -> str | None:
    """The path of the new file, or None where even the temporary folder cannot be written."""
    with contextlib.suppress(OSError):
        descriptor, name = tempfile.mkstemp(prefix="zoomdream-bug-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"zoomdream {__version__}, Python {platform.python_version()}, {platform.platform()}\n")
            file.write(f"arguments: {sys.argv[1:]}\n\n")
            file.writelines(traceback.format_exception(error))
        return name
    return None
