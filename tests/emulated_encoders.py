"""A program that acts as ffmpeg on a machine with encoders in hardware: libx264 and libx265 play their part."""

from __future__ import annotations

import sys
from pathlib import Path

from zoomdream import ffmpeg

_PROGRAM = """#!{python} -SE
import os, sys, time
real, behaviour, log = {real!r}, {behaviour!r}, {log!r}
command = sys.argv[1:]
name = command[command.index("-c:v") + 1] if "-c:v" in command else ""
hardware = name.rpartition("_")[2] in ("nvenc", "qsv", "videotoolbox", "amf", "vaapi")
if command[-1] == "-encoders":
    print("V..... libx264", "" if behaviour == "not built" else "h264_nvenc")
    sys.exit()
if hardware:
    with open(log, "a") as file:
        file.write(command[-1] + "\\n")
    if behaviour in ("refuses", "not built"):
        sys.stderr.write(f"[{{name}} @ 0x55d0] No capable devices found.\\n[vost#0:0 @ 0x1] Error while opening\\n")
        sys.exit(1)
    if behaviour == "hangs":
        time.sleep(1000)
    begin, end = command.index(name), command.index("-threads")
    depth = "yuv420p10le" if "p010le" in command and behaviour != "loses bits" else "yuv420p"
    command[begin:end] = ["libx265" if "hevc" in name else "libx264", "-bf", "0", "-g", "30"]
    command[command.index("-pix_fmt") + 1] = depth
    if behaviour == "loses frames":
        command[-1:-1] = ["-frames:v", "2"]
os.execv(real, [real, *command])
"""


def emulated_ffmpeg(folder: Path, behaviour: str) -> Path:
    """The path of such a program, called ffmpeg. behaviour: works, refuses, not built, hangs, loses frames, loses bits.

    Of each segment that it is asked to encode it writes the name into `asked` beside it.
    """
    folder.mkdir(exist_ok=True)
    program = folder / "ffmpeg"
    text = _PROGRAM.format(
        python=sys.executable, real=str(ffmpeg.executable()), behaviour=behaviour, log=str(folder / "asked")
    )
    program.write_text(text, encoding="utf-8")
    program.chmod(0o755)
    return program


def asked(program: Path) -> list[str]:
    """The names of the segments that it was asked to encode, in order."""
    log = program.parent / "asked"
    return log.read_text(encoding="utf-8").split() if log.exists() else []
