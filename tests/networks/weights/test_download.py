"""Downloading, from a small server in the test: whole, resumed, bounded, checked, refused. Nothing goes online."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from zoomdream.errors import InputError
from zoomdream.networks.weights import download

CONTENT = bytes(range(256)) * 4000
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


class Server(ThreadingHTTPServer):
    """Serves CONTENT; `breaks` cuts the next answer off after so many bytes."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.tag = '"one"'
        self.breaks: int | None = None
        self.length = True
        self.asked: list[tuple[str, str | None]] = []

    def address(self, path: str = "/file") -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append((self.path, wanted))
        if self.path == "/missing":
            self.send_error(404)
            return
        if self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "file:///etc/passwd" if server.tag == "file" else "ftp://127.0.0.1/file")
            self.end_headers()
            return
        start = 0
        if wanted and self.headers.get("If-Range") == server.tag:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start >= len(server.content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}")
        if server.tag:
            self.send_header("ETag", server.tag)
        if server.length:
            self.send_header("Content-Length", str(len(server.content) - start))
        self.end_headers()
        end, server.breaks = server.breaks, None
        self.wfile.write(server.content[start:end])

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.delenv(download.OFFLINE)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


Fetch = Callable[..., Path]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "weights.pth"


def fetch(server: Server, target: Path, *paths: str, digest: str = DIGEST, max_bytes: int = 10**7) -> Path:
    addresses = [server.address(path) for path in paths or ("/file",)]
    return download.fetch(addresses, target, digest=digest, max_bytes=max_bytes, schemes=("http",))


def leftovers(target: Path) -> set[str]:
    return {path.name for path in target.parent.iterdir()}


def test_a_file_arrives_whole_and_nothing_else_stays(server: Server, target: Path) -> None:
    assert fetch(server, target) == target
    assert target.read_bytes() == CONTENT
    assert leftovers(target) == {"weights.pth"}
    assert server.asked == [("/file", None)]


def test_a_broken_download_goes_on_where_it_stopped(server: Server, target: Path) -> None:
    server.breaks = 300_000
    with pytest.raises(InputError, match=r"broke after 300,000 of 1,024,000 bytes; the next run goes on"):
        fetch(server, target)
    assert not target.exists()
    fetch(server, target)
    assert target.read_bytes() == CONTENT
    assert server.asked[1] == ("/file", "bytes=300000-")
    assert leftovers(target) == {"weights.pth"}


@pytest.mark.parametrize("later", ['"two"', "", 'W/"one"'])
def test_two_versions_of_a_file_are_never_glued_together(server: Server, target: Path, later: str) -> None:
    server.tag = later if later.startswith("W/") else '"one"'
    server.breaks = 300_000
    with pytest.raises(InputError):
        fetch(server, target, digest="")
    server.tag, server.content = later, CONTENT[::-1]
    fetch(server, target, digest="")
    assert target.read_bytes() == CONTENT[::-1]


def test_another_file_than_expected_is_thrown_away(server: Server, target: Path) -> None:
    server.content = b"<html>not found</html>"
    with pytest.raises(InputError, match="another file came than expected: its sha256 is"):
        fetch(server, target)
    assert leftovers(target) == {"weights.pth.lock"}
    sha1 = hashlib.sha1(server.content).hexdigest()
    fetch(server, target, digest=f"sha1:{sha1[:8]}")


def test_the_next_address_is_tried_and_all_reasons_are_told(server: Server, target: Path) -> None:
    fetch(server, target, "/missing", "/file")
    target.unlink()
    with pytest.raises(InputError, match=r"/missing: the server says 404 .*/elsewhere: it leads to ftp"):
        fetch(server, target, "/missing", "/elsewhere")
    assert leftovers(target) == {"weights.pth.lock"}


@pytest.mark.parametrize("length", [True, False])
def test_size_is_bounded_whatever_the_server_says(server: Server, target: Path, length: bool) -> None:
    server.length = length
    with pytest.raises(InputError, match="were expected"):
        fetch(server, target, digest="", max_bytes=500_000)
    assert not target.exists()
    assert sum(path.stat().st_size for path in target.parent.iterdir()) < 600_000


def test_what_is_whole_already_is_not_asked_for_again(server: Server, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(b"mine")
    fetch(server, target)
    assert target.read_bytes() == b"mine"
    assert server.asked == []


def test_a_finished_part_that_was_never_renamed_is_taken_from_the_start(server: Server, target: Path) -> None:
    target.parent.mkdir()
    (target.parent / "weights.pth.part").write_bytes(CONTENT)
    (target.parent / "weights.pth.part.tag").write_text(f'{server.address()}\n"one"\n')
    fetch(server, target)
    assert server.asked == [("/file", f"bytes={len(CONTENT)}-"), ("/file", None)]
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("address", ["http://127.0.0.1/file", "file:///etc/passwd", "ftp://127.0.0.1/file"])
def test_only_https_is_used(monkeypatch: pytest.MonkeyPatch, target: Path, address: str) -> None:
    monkeypatch.delenv(download.OFFLINE)
    with pytest.raises(InputError, match="only https is used"):
        download.fetch([address], target, digest="", max_bytes=100)


def test_a_server_cannot_send_us_to_a_local_file(server: Server, target: Path) -> None:
    server.tag = "file"
    with pytest.raises(InputError, match="file:///etc/passwd"):
        fetch(server, target, "/elsewhere", digest="")
    assert not target.exists()


def test_without_a_connection_it_says_so(server: Server, target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gone = server.address("/file").replace(str(server.server_address[1]), "1")
    with pytest.raises(InputError, match="no connection") as caught:
        download.fetch([gone], target, digest="", max_bytes=100, schemes=("http",))
    assert "\n" not in str(caught.value)
    assert capsys.readouterr().err == f"downloading {gone}\n"


def test_offline_is_respected(monkeypatch: pytest.MonkeyPatch, server: Server, target: Path) -> None:
    monkeypatch.setenv(download.OFFLINE, "1")
    with pytest.raises(InputError, match=download.OFFLINE):
        fetch(server, target)
    assert server.asked == []
    assert not target.parent.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="flock is POSIX")
def test_a_folder_without_locks_takes_a_download_and_says_so(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", unsupported)
    fetch(server, target)
    assert target.read_bytes() == CONTENT
    assert "knows no file locks" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_named(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        fetch(server, tmp_path / "file" / "weights.pth")


def test_two_at_once_download_once(server: Server, target: Path) -> None:
    threads = [threading.Thread(target=fetch, args=(server, target)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.asked) == 1
    assert leftovers(target) == {"weights.pth"}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_elsewhere_a_line_comes_every_few_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    advance = download.progress_lines("weights.pth", lambda: now)
    for second in range(61):
        now = float(second)
        advance(10**6 * second, 60 * 10**6)
    printed = capsys.readouterr().err.splitlines()
    assert len(printed) == 60 // download.SECONDS_BETWEEN_LINES
    assert printed[-1] == "weights.pth: 60 of 60 MB"
    now += download.SECONDS_BETWEEN_LINES
    advance(61 * 10**6, None)
    assert capsys.readouterr().err == "weights.pth: 61 MB\n"


def test_a_quick_download_has_no_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with download.shown_progress("weights.pth") as advance:
        advance(10**6, 10**6)
    assert capsys.readouterr().err == ""


def test_a_terminal_has_a_bar_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with download.shown_progress("weights[1].pth") as advance:
        advance(10**6, 2 * 10**6)
    shown = terminal.getvalue()
    assert "weights[1].pth" in shown
    assert "1.0/2.0 MB" in shown
    assert shown.endswith("\x1b[2K"), "its line is cleared at the end"
