"""Running ffmpeg: its exit code and the end of its log are always read, it is always given back, and what it says about
a failure becomes one sentence for a person.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from zoomdream.errors import OutputError

QUIET = ("-hide_banner", "-nostdin", "-loglevel", "error")
"""Arguments with which ffmpeg says nothing but errors, and does not read keys from the terminal."""

# A process group of its own: Ctrl-C in the terminal reaches us alone, and we end ffmpeg in our own order. No session of
# its own, because Linux may give each session an equal share of the processor, whatever the priorities in it.
_GROUP = None if os.name == "nt" else 0
_FLAGS: int = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)

# x264 looks so far ahead that it encodes nearly all of a segment at its end, on all cores. Torch's threads wait for the
# slowest of them hundreds of times in a frame, so that at 426x240 the next one took 250 ms instead of 40. With less
# priority it takes 60, and all frames together a sixth less time; at 480x270, where every second frame is dreamt on,
# 8 % less than with ours, 4 % less than with ten less. An encoder that gets nothing at all fills the queue before it,
# and then has the processor for itself: beside two other busy processes on two cores a render takes as long either way.
_LEAST_PRIORITY = 19

_TAIL = 12  # lines of stderr that are kept; the reason is nearly always among the last
_LONGEST = 200  # characters of a reason


def run(command: Sequence[str], *, what: str, folder: Path | None = None) -> str:
    """Run a command to its end and return what it printed. Raises OutputError saying `what` failed and why."""
    with _starting(command, what):
        finished = _complete(command, folder=folder)
    if finished.returncode != 0:
        raise _failure(what, finished.stderr.decode("utf-8", "replace").splitlines()[-_TAIL:], finished.returncode)
    return finished.stdout.decode("utf-8", "replace")


def read_log(command: Sequence[str], stdin: IO[bytes] | int = subprocess.DEVNULL) -> str:
    """All that a command says on stderr, whatever its exit code (`ffmpeg -i FILE` alone always "fails")."""
    return _complete(command, stdin).stderr.decode("utf-8", "replace")


def _complete(
    command: Sequence[str], stdin: IO[bytes] | int = subprocess.DEVNULL, folder: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    given: dict[str, Any] = {"env": _environment(), "process_group": _GROUP, "creationflags": _FLAGS, "cwd": folder}
    return subprocess.run(list(command), stdin=stdin, capture_output=True, check=False, **given)


@contextlib.contextmanager
def _starting(command: Sequence[str], what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"{what} failed: {command[0]} does not start: {error.strerror or error}.") from error


def _environment() -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if name != "TERM" and not name.startswith("AV_LOG_FORCE_")
    }
    return {**kept, "SVT_LOG": "1", "AV_LOG_FORCE_NOCOLOR": "1"}  # SVT-AV1 prints a banner of its own otherwise


class Process:
    """A running ffmpeg that is fed with frames, at the lowest priority. A context manager: leaving it early kills it.

    `write` sends it bytes. `finish` closes the pipe that feeds it, waits, and raises OutputError unless all went well;
    `end` waits and judges nothing.
    """

    def __init__(self, command: Sequence[str], *, what: str, folder: Path | None = None) -> None:
        self._what = what
        self._tail: deque[str] = deque(maxlen=_TAIL)
        with _starting(command, what):
            self._process = subprocess.Popen(
                list(command),
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=_environment(),
                process_group=_GROUP,
                creationflags=_FLAGS,
            )
        _lower_priority(self._process.pid)
        # A thread, because a pipe that nobody empties fills up and stalls ffmpeg.
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def write(self, data: bytes | memoryview) -> None:
        """Send bytes. If ffmpeg is gone, raises OutputError with its reason."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
        except OSError:  # a broken pipe, which Windows calls an invalid argument
            self.finish()
            raise OutputError(f"{self._what} failed: ffmpeg ended before the last frame.") from None

    def end(self) -> tuple[int, list[str]]:
        """Wait until it has ended by itself: its exit code and the last lines of stderr."""
        code = self._process.wait()
        self._reader.join()
        return code, [line for line in self._tail if line]

    def finish(self) -> None:
        """Wait for the end. Raises OutputError with the end of stderr."""
        self.close_input()
        code, said = self.end()
        if code != 0:
            raise _failure(self._what, said, code)

    def close_input(self) -> None:
        """Nothing more is sent; the process goes on by itself."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):  # it is gone already; the exit code says why
                self._process.stdin.close()

    def stop(self) -> None:
        """End the process now, if it still runs. Raises nothing."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def kill(self) -> None:
        """End the process now, if it still runs, and close its pipes. Raises nothing."""
        self.stop()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):  # unsent bytes of a killed process
                    stream.close()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        self._tail.extend(line.decode("utf-8", "replace").strip() for line in self._process.stderr)


def _lower_priority(process: int) -> None:
    """Give a process the lowest priority, where the system knows priorities."""
    if os.name == "nt":
        return
    with contextlib.suppress(OSError):  # it may have ended already
        os.setpriority(os.PRIO_PROCESS, process, _LEAST_PRIORITY)


def _failure(what: str, lines: Sequence[str], code: int) -> OutputError:
    return OutputError(f"{what} failed: {_explain(lines, code)}", signal=-code if code < 0 else None)


def _explain(lines: Sequence[str], code: int) -> str:
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
