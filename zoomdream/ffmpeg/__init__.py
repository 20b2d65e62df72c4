"""ffmpeg, the program that reads and writes clips and sound: where it is, running it, and reading what it says.

program   where it is, its version, its encoders
process   running it; what it says, and why it failed
probe     what a video file says about itself
"""

from zoomdream.ffmpeg.process import QUIET, Process, first_reason, read_log, run
from zoomdream.ffmpeg.program import encoders, executable, is_ours, version

__all__ = [
    "QUIET",
    "Process",
    "encoders",
    "executable",
    "first_reason",
    "is_ours",
    "read_log",
    "run",
    "version",
]
