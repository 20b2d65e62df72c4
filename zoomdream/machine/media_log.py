"""What FFmpeg's libraries (PyAV) log: nothing, in the whole process."""

from __future__ import annotations

import av.logging

_QUIET = -8  # AV_LOG_QUIET


def silence_media_log() -> None:
    """Let FFmpeg's libraries log nothing. May be called again.

    Without it PyAV takes each of their messages, those that nobody hears too, and waits for the interpreter to do so:
    for ever, where a thread of a decoder has something to say while the interpreter waits for that thread to end. What
    is wrong with a file is told by their errors and by the frames.
    """
    av.logging.restore_default_callback()
    av.logging.set_libav_level(_QUIET)
