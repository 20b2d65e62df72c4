"""One render at a time per output: a lock of the operating system on a file in the working folder.

The lock goes with its process, however that ends, so a stale one cannot exist; the file itself means nothing. The
folder is removed at the end of a render, possibly while another process opens the file in it. Hence two rules: a
process that got the lock checks that the path still leads to the locked file, and only the holder removes the folder.
So `filelock.FileLock`, which waits and keeps its file, does not serve; its call on an open file does.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from pathlib import Path

from filelock import lock_descriptor

from zoomdream.errors import OutputError
from zoomdream.machine.files import NO_FOLLOWING, UNSUPPORTED

NAME = "lock"
_ATTEMPTS = 100  # each failed one means that another process removed the folder in that very moment


class Lock:
    """The right to work in `folder`, which is made if need be. Give it back with `release`.

    Raises OutputError if another process has it (with that process's number) or the folder cannot be written.
    guarded: whether the disk knows locks; on one that does not nothing keeps others out.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made = [parent for parent in folder.parents if not parent.exists()]  # innermost first
        self._descriptor = -1
        self.guarded = True
        try:
            for _ in range(_ATTEMPTS):
                if self._attempt():
                    return
        except OSError as error:
            self._remove_made()
            path = folder / NAME
            if path.is_symlink() or (path.exists() and not path.is_file()):
                raise OutputError(f"{path} is not a file of a render's: move that away.") from error
            raise OutputError(f"{folder.parent} cannot be written: {error.strerror or error}.") from error
        raise OutputError(f"{folder} cannot be made here, or other processes keep removing it.")

    def release(self, *, remove: bool) -> None:
        """Give the lock back. With `remove`, the folder (empty but for the lock) goes, and parents made for it."""
        if self._descriptor < 0:
            return
        path = self.folder / NAME
        if remove and sys.platform != "win32":  # Windows removes no open file: there the lock goes first
            with contextlib.suppress(OSError):
                path.unlink()
                self.folder.rmdir()
        os.close(self._descriptor)
        self._descriptor = -1
        if remove and sys.platform == "win32":
            with contextlib.suppress(OSError):
                path.unlink()
                self.folder.rmdir()
        if remove:
            self._remove_made()

    def _attempt(self) -> bool:
        """Whether the lock was had. OutputError if another process has it."""
        path = self.folder / NAME
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | NO_FOLLOWING, 0o666)
        except FileNotFoundError:
            return False
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, f"{path} is not a regular file")
            if not self._lock(descriptor):
                os.lseek(descriptor, 1, os.SEEK_SET)  # Windows locks the first byte, which nobody else can read
                holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
                who = f"process {holder}" if holder.isdigit() else "another process"
                what = self.folder.name.removesuffix(".zoomdream")
                raise OutputError(f"{what} is being rendered by {who} already.", busy=True)
            if not os.path.samestat(os.fstat(descriptor), os.stat(path)):
                raise FileNotFoundError
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f" {os.getpid()}\n".encode())
        except FileNotFoundError:
            os.close(descriptor)
            return False
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return True

    def _lock(self, descriptor: int) -> bool:
        """Whether no other process has the file locked, as far as can be known."""
        try:
            return lock_descriptor(descriptor, blocking=False)
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
            self.guarded = False
            return True

    def _remove_made(self) -> None:
        with contextlib.suppress(OSError):  # one that holds something stays, and with it those above
            for parent in self._made:
                parent.rmdir()
