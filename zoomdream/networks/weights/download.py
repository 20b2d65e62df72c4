"""Fetching a weights file from the internet: only what is needed, once, over https, going on where it stopped.

The unfinished file is TARGET.part; beside it TARGET.part.tag says which version of the file that is, so that two
versions are never glued together. Setting ZOOMDREAM_OFFLINE forbids all of it.

Not by pooch, which knows no limit of size, begins anew after a break, and follows a redirect from https to http.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import multiprocessing
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from zoomdream.errors import InputError, printable
from zoomdream.machine.files import UNSUPPORTED

OFFLINE = "ZOOMDREAM_OFFLINE"
_SECONDS = 30  # without a single byte
_PIECE = 2**18
SECONDS_BETWEEN_LINES = 5.0

Advance = Callable[[int, int | None], None]
"""Called with the bytes that have arrived and those of the whole file, None where the server does not say."""


class _Failed(Exception):
    """One address did not work; the message says why, without the address."""


def fetch(
    addresses: Sequence[str], target: Path, *, digest: str, max_bytes: int, schemes: tuple[str, ...] = ("https",)
) -> Path:
    """Downloads the first of the addresses that works to `target`, and gives `target` back. Says so on stderr.

    digest: "sha256:..." or "sha1:...", its beginning is enough; "" where it is not known.
    Raises InputError: offline, no address works, larger than max_bytes, another file than the digest says, no room.
    """
    if os.environ.get(OFFLINE):
        raise InputError(f"the environment variable {OFFLINE} forbids to download.")
    reasons = []
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target):
            if target.is_file():  # another process was quicker
                return target
            for address in addresses:
                _say(f"downloading {address}")
                try:
                    _download(address, target, digest, max_bytes, schemes)
                except _Failed as failure:
                    reasons.append(f"{address}: {failure}")
                    continue
                _say(f"kept as {target}")
                return target
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror or error}.") from None
    raise InputError(f"the download failed. {'; '.join(reasons)}.")


def _download(address: str, target: Path, digest: str, max_bytes: int, schemes: tuple[str, ...]) -> None:
    part, tag = _beside(target, ".part"), _beside(target, ".part.tag")
    have = part.stat().st_size if part.is_file() else 0
    known = tag.read_text("utf-8").splitlines() if have and tag.is_file() else []
    request = urllib.request.Request(address, headers={"User-Agent": "zoomdream"})
    if len(known) == 2 and known[0] == address:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", known[1])
    else:
        have = 0
    try:
        with _open(request, schemes) as answer:
            if have and not (answer.status == 206 and _starts_at(answer, have)):
                have = 0
            version = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
            # A weak tag promises the same meaning, not the same bytes.
            safe = version and not version.startswith("W/") and answer.headers.get("Content-Encoding") is None
            tag.write_text(f"{address}\n{version if safe else ''}\n", "utf-8")
            with part.open("ab" if have else "wb") as file, shown_progress(target.name) as advance:
                _copy(answer, file, have, max_bytes, advance)
                file.flush()
                os.fsync(file.fileno())
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and have:  # nothing follows what we have: it is whole, or of another version
            _forget(part, tag)
            return _download(address, target, digest, max_bytes, schemes)
        raise _Failed(f"the server says {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        raise _Failed(f"no connection ({_plain(error.reason)})") from None
    except (TimeoutError, ConnectionError, http.client.HTTPException) as error:
        raise _Failed(f"the connection broke ({_plain(error)}); the next run goes on from there") from None
    _check(part, tag, digest)
    os.replace(part, target)
    tag.unlink(missing_ok=True)


def _open(request: urllib.request.Request, schemes: tuple[str, ...]) -> Any:
    """The answer of the server. Only by the schemes given, also where the server sends us elsewhere."""

    class Guard(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
            _check_scheme(newurl, schemes)
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    _check_scheme(request.full_url, schemes)
    return urllib.request.build_opener(Guard()).open(request, timeout=_SECONDS)


def _check_scheme(address: str, schemes: tuple[str, ...]) -> None:
    if urlsplit(address).scheme not in schemes:
        raise _Failed(f"it leads to {address}, and only {' and '.join(schemes)} is used")


def _starts_at(answer: Any, have: int) -> bool:
    return str(answer.headers.get("Content-Range", "")).startswith(f"bytes {have}-")


def _copy(answer: Any, file: IO[bytes], have: int, max_bytes: int, advance: Advance) -> None:
    length = answer.headers.get("Content-Length", "")
    whole = have + int(length) if str(length).isdigit() else None
    if whole is not None and whole > max_bytes:
        raise _Failed(f"it has {whole / 1e6:,.0f} MB, and at most {max_bytes / 1e6:,.0f} MB were expected")
    while piece := answer.read(_PIECE):
        have += len(piece)
        if have > max_bytes:
            raise _Failed(f"it does not end after the {max_bytes / 1e6:,.0f} MB that were expected at most")
        file.write(piece)
        advance(have, whole)
    if whole is not None and have < whole:
        raise _Failed(f"the connection broke after {have:,} of {whole:,} bytes; the next run goes on from there")


def _check(part: Path, tag: Path, digest: str) -> None:
    if not digest:
        return
    kind, _, expected = digest.partition(":")
    with part.open("rb") as file:
        found = hashlib.file_digest(file, kind).hexdigest()
    if not found.startswith(expected):
        _forget(part, tag)
        raise _Failed(f"another file came than expected: its {kind} is {found}, not {expected}")


def _forget(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _beside(target: Path, suffix: str) -> Path:
    return target.with_name(target.name + suffix)


@contextlib.contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Waits for another process that downloads the same file. Once that is there nobody needs the lock's own file."""
    path = _beside(target, ".lock")
    lock = FileLock(path)
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(lock.acquire(blocking=False))
        except Timeout:
            _say(f"waiting for another process that downloads {target.name}")
            held.enter_context(lock.acquire())
        except (OSError, NotImplementedError) as error:
            if isinstance(error, OSError) and error.errno not in UNSUPPORTED:
                raise
            _say(f"{target.parent} knows no file locks: let no other process download {target.name} meanwhile")
        yield
        if target.is_file():
            with contextlib.suppress(OSError):  # Windows removes no file that somebody has open
                path.unlink()


@contextlib.contextmanager
def shown_progress(name: str) -> Iterator[Advance]:
    """What a download of a file calls after each piece. A worker of a batch shows no bar: the batch has one."""
    if sys.stderr.isatty() and multiprocessing.parent_process() is None:
        with _bar(name) as advance:
            yield advance
    else:
        yield progress_lines(name)


def progress_lines(name: str, clock: Callable[[], float] = time.monotonic) -> Advance:
    """Prints a line every few seconds, none for a quick download. `clock` gives seconds."""
    printed_at = clock()

    def advance(done: int, whole: int | None) -> None:
        nonlocal printed_at
        if clock() - printed_at >= SECONDS_BETWEEN_LINES:
            printed_at = clock()
            of = "" if whole is None else f" of {whole / 1e6:,.0f}"
            _say(f"{name}: {done / 1e6:,.0f}{of} MB")

    return advance


@contextlib.contextmanager
def _bar(name: str) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(printable(name), total=None)
        yield lambda done, whole: bar.update(task, completed=done, total=whole)


def _say(line: str) -> None:
    print(printable(line), file=sys.stderr, flush=True)


def _plain(reason: object) -> str:
    return str(getattr(reason, "strerror", None) or reason or type(reason).__name__).splitlines()[0][:120]
