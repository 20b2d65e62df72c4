"""The command line: `zoomdream COMMAND ...`.

parser.py says what may be typed; what a command needs is imported only when it is called, so that `--help` is quick;
errors become one paragraph on stderr and an exit code (errors.py draws the tree). Results go to stdout, progress and
errors to stderr.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Sequence

from zoomdream.cli.parser import parse
from zoomdream.cli.tables import say
from zoomdream.errors import ZoomdreamError
from zoomdream.machine.startup import limit_spinning

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; argv without the program's name, by default the process's own."""
    _prepare_streams()
    limit_spinning()
    try:
        try:
            code = _run(parse(sys.argv[1:] if argv is None else argv))
        except SystemExit as finished:  # argparse leaves this way after --help and --version
            code = int(finished.code or 0)
        sys.stdout.flush()
        return code
    except ZoomdreamError as error:
        complain(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED
    except Exception as error:  # the border: nothing reaches the user as a traceback
        if isinstance(error, BrokenPipeError):
            _drop_stdout()
            return 1
        if os.environ.get("ZOOMDREAM_DEBUG"):
            raise
        from zoomdream.cli.crash import explain

        message, code = explain(error)
        complain(message)
        return code


def complain(message: str) -> None:
    """One paragraph on stderr: no blank lines, no control characters that a file name or a YAML value brought along."""
    lines = [line.strip() if number == 0 else line.rstrip() for number, line in enumerate(message.splitlines())]
    say("zoomdream: " + "\n".join(line for line in lines if line.strip()))


def _run(arguments: argparse.Namespace) -> int:
    match arguments.command:
        case "render":
            from zoomdream.cli.render import run
        case "check":
            from zoomdream.cli.check import run
        case "music":
            from zoomdream.cli.music import run
        case "plot":
            from zoomdream.cli.plot import run
        case "batch":
            from zoomdream.cli.batch import run
        case "networks":
            from zoomdream.cli.printing import print_networks as run
        case "layers":
            from zoomdream.cli.printing import print_layers as run
        case "atlas":
            from zoomdream.cli.atlas import run
        case "schema":
            from zoomdream.cli.printing import print_schema as run
        case "info":
            from zoomdream.cli.printing import print_info as run
        case "completion":
            from zoomdream.cli.printing import print_completion as run
        case "help":
            from zoomdream.cli.printing import print_help as run
        case "doctor":
            from zoomdream.cli.doctor import run
        case "new":
            from zoomdream.cli.new import run
        case other:
            raise AssertionError(f"the parser let the command {other!r} through")
    return run(arguments)


def _prepare_streams() -> None:
    """File names may hold any bytes and YAML is UTF-8, whatever the locale says.

    What goes into a file or a pipe is UTF-8 and gives file names back byte for byte; a terminal keeps its own encoding
    and shows what it cannot write as escapes.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            if stream.isatty():
                stream.reconfigure(errors="backslashreplace")
            else:
                stream.reconfigure(encoding="utf-8", errors="surrogateescape")


def _drop_stdout() -> None:
    """The reader of stdout has left, as in `zoomdream schema | head -1`: that is no error to speak of.

    stdout is pointed at nothing, so that Python's own flush at exit does not complain either. Broken pipes to ffmpeg
    never come here: ffmpeg/process.py says why ffmpeg ended.
    """
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
