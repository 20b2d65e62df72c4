from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rendering.synthetic import job, maker
from zoomdream.errors import OutputError
from zoomdream.rendering import lock as lock_module
from zoomdream.rendering import render_frames
from zoomdream.rendering.lock import Lock
from zoomdream.rendering.observer import Observers, Progress, ProgressOnly

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX lets go of open files")


def test_a_folder_can_be_locked_once(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "a.mp4.zoomdream")
    assert lock.guarded
    with pytest.raises(OutputError, match=f"a.mp4 is being rendered by process {os.getpid()}"):
        Lock(tmp_path / "a.mp4.zoomdream")
    lock.release(remove=False)
    Lock(tmp_path / "a.mp4.zoomdream").release(remove=True)


def test_release_removes_the_folders_that_were_made_for_it(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    Lock(tmp_path / "here" / "new" / "newer" / "w").release(remove=True)
    assert list(tmp_path.rglob("*")) == [tmp_path / "here"]


def test_release_leaves_a_parent_that_holds_something_else(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "new" / "w")
    (tmp_path / "new" / "video.mp4").write_text("x")
    lock.release(remove=True)
    assert [entry.name for entry in (tmp_path / "new").iterdir()] == ["video.mp4"]


def test_never_two_holders_while_the_folder_comes_and_goes(tmp_path: Path) -> None:
    holders: list[int] = []
    most: list[int] = []
    taken: list[int] = []

    def contend() -> None:
        for _ in range(300):
            try:
                lock = Lock(tmp_path / "w")
            except OutputError:
                continue
            holders.append(1)
            most.append(len(holders))
            taken.append(1)
            holders.pop()
            lock.release(remove=True)

    threads = [threading.Thread(target=contend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert len(taken) > 10


def test_a_lock_on_a_file_that_has_been_removed_meanwhile_is_worth_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = lock_module.lock_descriptor
    calls: list[int] = []

    def slowly(descriptor: int, *, blocking: bool) -> bool:
        calls.append(descriptor)
        if len(calls) == 1:  # the render before us ends just now
            (tmp_path / "w" / "lock").unlink()
            (tmp_path / "w").rmdir()
        return undisturbed(descriptor, blocking=blocking)

    monkeypatch.setattr(lock_module, "lock_descriptor", slowly)
    lock = Lock(tmp_path / "w")
    assert len(calls) == 2
    with pytest.raises(OutputError):
        Lock(tmp_path / "w")
    lock.release(remove=True)


def test_a_file_in_the_way_of_the_folder_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    with pytest.raises(OutputError, match="cannot be written"):
        Lock(tmp_path / "a" / "w")


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_disk_without_locks_leaves_the_folder_unguarded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(lock_module, "lock_descriptor", failing(code))
    lock = Lock(tmp_path / "new" / "w")
    assert not lock.guarded
    lock.release(remove=True)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_locks_and_without_flushing_renders_and_says_that_nothing_guards_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for call in ("fcntl.flock", "os.fsync", "os.link"):
        monkeypatch.setattr(call, failing(errno.ENOSYS))
    heard: list[Progress] = []
    observers = Observers((ProgressOnly(heard.append),))
    render_frames(maker(2), job(tmp_path / "a.mp4", frames=2), observers=observers)
    assert [progress.message for progress in heard if progress.warning] == [heard[0].message]
    assert "nothing guards it" in heard[0].message
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mp4"]


def test_a_disk_that_fails_is_an_output_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_module, "lock_descriptor", failing(errno.EIO))
    with pytest.raises(OutputError, match=os.strerror(errno.EIO)):
        Lock(tmp_path / "new" / "w")


def failing(code: int) -> Callable[..., bool]:
    """A call of the system that always fails."""

    def fail(*_: object, **__: object) -> bool:
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.skipif(sys.platform != "linux", reason="open files are counted in /proc")
def test_a_refused_lock_leaves_no_file_open(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "w")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with pytest.raises(OutputError):
            Lock(tmp_path / "w")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    lock.release(remove=True)
