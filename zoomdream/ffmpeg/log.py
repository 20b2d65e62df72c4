"""What ffmpeg says: its log in whole lines, and the reason of a failure in one sentence for a person."""

from __future__ import annotations

import re
from collections.abc import Sequence

_LONGEST = 200  # characters of a reason

_COLOR = re.compile(r"\x1b\[[\d;]*m")
_STRAY = re.compile(r"(?<=[^\r])(?<!\x1b\[0m)\x1b\[\d;3([13])m")


def apart(line: str) -> list[str]:
    """The lines that a line of ffmpeg's log should have been, without colours.

    What one thread complains of while another is within a line, which ffmpeg prints in pieces, comes without its level
    in the middle of that line: in 8 of 40 runs over one hurt file. Its color still shows the level: red is an error,
    yellow a warning, and info has none.
    """
    split = _STRAY.sub(lambda stray: f"\n[{'error' if stray[1] == '1' else 'warning'}] ", line)
    return [_COLOR.sub("", text).strip() for text in split.rstrip("\n").split("\n")]


def explain(lines: Sequence[str], code: int) -> str:
    """Why ffmpeg failed, for a person. `lines` is the end of its stderr, `code` its exit code."""
    said = " / ".join(line for line in lines if line)
    if "No space left on device" in said:
        return "the disk is full (No space left on device). Make room and start the same command again."
    if code < 0:
        return f"ffmpeg was ended by signal {-code}. {said}".rstrip()
    return f"ffmpeg ended with code {code}: {said or 'it gave no reason'}"


def first_reason(lines: Sequence[str], code: int) -> str:
    """ffmpeg's own reason in one line: the first error, without who says it. Those that follow are its consequences."""
    said = [line for line in (_without_source(line) for line in lines) if line]
    if not said:
        return f"nothing, and ended with {f'signal {-code}' if code < 0 else f'code {code}'}"
    return said[0] if len(said[0]) <= _LONGEST else f"{said[0][:_LONGEST]}..."


def _without_source(line: str) -> str:
    """A line of the log without "[h264_nvenc @ 0x55d0]" before it."""
    while line.startswith("[") and "] " in line and " @ " in line.partition("] ")[0]:
        line = line.partition("] ")[2]
    return line.strip().rstrip(".")
