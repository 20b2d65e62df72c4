"""Files that appear whole or not at all, and what is said of those that cannot be written."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import platformdirs

from zoomdream.errors import InputError, OutputError, require_file

UNSUPPORTED = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}
"""What network disks and cloud folders answer where they know no locks, or cannot flush."""

NO_FOLLOWING = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""How to open what others may have put where a file should be: no link is followed, no pipe is waited for."""


def cache_folder() -> Path | None:
    """The folder of what this user need not wait for again, weights files and songs that were heard; None for a user
    without a home. Nothing is created.
    """
    if chosen := os.environ.get("XDG_CACHE_HOME"):  # counts on every system
        return Path(chosen) / "zoomdream"
    try:
        folder = platformdirs.user_cache_path("zoomdream", appauthor=False, opinion=False)
    except RuntimeError:  # no HOME, and a user id that the system has no entry of, as in containers
        return None
    return folder if folder.is_absolute() else None  # older platformdirs say "~/.cache" to such a user


def content_hash(path: Path) -> bytes:
    """SHA-256 of a file. InputError if it cannot be read."""
    require_file(path, "a file")
    try:
        found = path.stat()
        return _digest(path, found.st_size, found.st_mtime_ns)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error


@lru_cache(maxsize=1024)
def _digest(path: Path, size: int, changed: int) -> bytes:
    """SHA-256 of a file. Many renders of a batch read the same one: it is read once while size and time stay."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def temporary_name(final: Path) -> Path:
    """A name beside `final`, on its file system, that no other run uses. It ends like `final`: tools look at that.

    Unique, because an ffmpeg that outlived a killed render may still be writing to the old one.
    """
    return final.with_name(f"{final.stem}.{uuid4().hex[:8]}.partial{final.suffix}")


def settle(temporary: Path, final: Path) -> None:
    """Move a finished file (or folder of files) into place, so that a power cut leaves the old or the new."""
    for file in sorted(temporary.iterdir()) if temporary.is_dir() else [temporary]:
        _flush(file)
    os.replace(temporary, final)
    _flush(final.parent)


def write_whole(final: Path, data: bytes) -> None:
    """Write a file atomically. Raises OSError, and then leaves nothing behind."""
    temporary = temporary_name(final)
    try:
        temporary.write_bytes(data)
        settle(temporary, final)
    finally:
        temporary.unlink(missing_ok=True)


def open_regular(path: Path) -> BinaryIO:
    """A regular file, open for reading. OSError for all else: a link leads elsewhere, a pipe is waited for for ever."""
    descriptor = os.open(path, os.O_RDONLY | NO_FOLLOWING | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


def read_regular(path: Path) -> str:
    """The text of a regular file. Raises OSError and UnicodeDecodeError."""
    with open_regular(path) as file:
        return file.read().decode("utf-8")


def checksum(path: Path) -> str:
    """CRC-32 (hexadecimal) of a regular file: it finds what a disk has changed, not what a person has. OSError."""
    total = 0
    with open_regular(path) as file:
        while data := file.read(1 << 20):
            total = zlib.crc32(data, total)
    return f"{total:08x}"


def discard(path: Path) -> None:
    """Remove a file or a folder, if it is there and lets itself be removed. Raises nothing."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):  # on Windows an ffmpeg of a killed render may still hold it
        path.unlink(missing_ok=True)


@contextmanager
def writing(place: Path | str) -> Iterator[None]:
    """OSErrors in here become OutputErrors that say where, and plainly that the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
            raise OutputError(f"{place}: the disk is full. Make room and start the same command again.") from error
        raise OutputError(f"{place} cannot be written: {error.strerror or error}.") from error


def _flush(path: Path) -> None:
    """Have the disk keep what was written, where it can promise that: many cannot flush a folder."""
    try:
        _synchronize(path)
    except OSError as error:
        refused = path.is_dir() and error.errno in (errno.EACCES, errno.EPERM, errno.EBADF, errno.EISDIR)
        if error.errno not in UNSUPPORTED and not refused:
            raise


def _synchronize(path: Path) -> None:
    if os.name == "nt":
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
