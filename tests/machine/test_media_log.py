from __future__ import annotations

import av.logging

from zoomdream.machine.media_log import silence_media_log


def test_no_message_of_the_libraries_waits_for_the_interpreter(capfd: object) -> None:
    before = av.logging.get_level()
    try:
        av.logging.set_level(av.logging.ERROR)
        with av.logging.Capture() as heard:
            av.logging.log(av.logging.ERROR, "decoder", "this one is heard")
            silence_media_log()
            av.logging.log(av.logging.ERROR, "decoder", "and this one is not")
        assert [text.strip() for _, _, text in heard] == ["this one is heard"]
        assert capfd.readouterr().err == ""  # type: ignore[attr-defined]
    finally:
        av.logging.set_level(before)
        silence_media_log()
