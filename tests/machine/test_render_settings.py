"""A render sets its process as it needs it, and gives it back as it was, also beside another one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from zoomdream.machine.render_settings import RenderSettings, torch_threads

cv2 = pytest.importorskip("cv2")


def switches() -> tuple[int, int, bool, bool]:
    cudnn = torch.backends.cudnn
    return torch.get_num_threads(), cv2.getNumThreads(), cudnn.deterministic, cudnn.allow_tf32


@pytest.fixture
def host() -> Iterator[tuple[int, int, bool, bool]]:
    """A program of somebody's own, with settings that no render has."""
    before = switches()
    set_switches(3, 2, False, True)
    yield switches()
    set_switches(*before)


def set_switches(threads: int, opencv_threads: int, deterministic: bool, allow_tf32: bool) -> None:
    torch.set_num_threads(threads)
    cv2.setNumThreads(opencv_threads)
    torch.backends.cudnn.deterministic = deterministic
    torch.backends.cudnn.allow_tf32 = allow_tf32


RENDERING = (2, 1, True, False)


def test_while_a_render_is_open_the_process_is_set_for_it(host: tuple[int, int, bool, bool]) -> None:
    settings = RenderSettings(2)
    assert switches() == RENDERING
    settings.close()
    assert switches() == host


def test_of_two_renders_the_last_to_close_puts_back_what_the_first_one_found(
    host: tuple[int, int, bool, bool],
) -> None:
    first, second = RenderSettings(2), RenderSettings(2)
    first.close()
    assert switches() == RENDERING
    second.close()
    assert switches() == host


def test_closing_twice_is_closing_once(host: tuple[int, int, bool, bool]) -> None:
    first, second = RenderSettings(2), RenderSettings(2)
    first.close()
    first.close()
    assert switches() == RENDERING
    second.close()
    assert switches() == host


def test_threads_are_put_back_also_after_an_error() -> None:
    before, seen = torch.get_num_threads(), []

    def fail() -> None:
        with torch_threads(before + 2):
            seen.append(torch.get_num_threads())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (seen, torch.get_num_threads()) == ([before + 2], before)
