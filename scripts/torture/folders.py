"""Working folders of stopped renders, in which somebody has been: right frames, or a refusal with the way on."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from torture.commands import Outcome, bad_words, left_running
from torture.kills import Yard, copied, yard
from torture.renders import KINDS, Kind, wrong_with

_STOPPED = ("zoom", "numbered pictures", "gif", "clip")
_HUGE = 10**12
_WAY_ON = re.compile(r"--restart|move (that|it) away|another output|another name|Make room", re.IGNORECASE)


def _stop(where: Yard, kind: Kind, folder: Path) -> None:
    """Begin a render, and kill it once two segments are kept; where it was finished before, again."""
    work = folder / kind.working_folders()[0]
    for _ in range(10):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        kind.set_up(folder, where.clip)
        command = where.start(kind, folder)
        command.wait(lambda: (work / "state.before.safetensors").exists())
        command.strike(signal.SIGKILL)
        if command.end() == -signal.SIGKILL and left_running(folder) == [] and (work / "state.safetensors").exists():
            return
    raise RuntimeError(f"{kind.name} cannot be stopped in the middle: {command.said[-500:]}")


def truncated(path: Path, dice: random.Random, others: list[Path]) -> None:
    os.truncate(path, dice.randrange(path.stat().st_size))


def emptied(path: Path, dice: random.Random, others: list[Path]) -> None:
    path.write_bytes(b"")


def removed(path: Path, dice: random.Random, others: list[Path]) -> None:
    path.unlink()


def rotten(path: Path, dice: random.Random, others: list[Path]) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(dice.choice((1, 4, 30))):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    path.write_bytes(data)


def swapped(path: Path, dice: random.Random, others: list[Path]) -> None:
    other = dice.choice(others)
    first, second = path.read_bytes(), other.read_bytes()
    path.write_bytes(second)
    other.write_bytes(first)


def longer(path: Path, dice: random.Random, others: list[Path]) -> None:
    with path.open("ab") as file:
        file.write(dice.choice((b"\0", b"}", b"x" * 5000)))


def huge(path: Path, dice: random.Random, others: list[Path]) -> None:
    """Numbers in it become very large ones; of what is not text, the length at its beginning."""
    data = path.read_bytes()
    if path.suffix == ".safetensors":
        length = struct.unpack("<Q", data[:8])[0]
        head = re.sub(
            rb"(?<![\w.])\d+(?![\w.])",
            lambda found: b"9" * len(found[0]) if dice.random() < 0.4 else found[0],
            data[8 : 8 + length],
        )
        data = struct.pack("<Q", dice.choice((length, length, 2**62))) + head + data[8 + length :]
    elif path.suffix == ".json":
        data = re.sub(rb"\b\d+\b", lambda found: str(_HUGE).encode() if dice.random() < 0.3 else found[0], data)
    else:
        data = dice.choice((b"\xff" * 8, b"\x7f\xff\xff\xff")) + data[8:]
    path.write_bytes(data)


def shaped(path: Path, dice: random.Random, others: list[Path]) -> None:
    """A state of other tensors, with or without what says that it is whole; JSON of another kind."""
    if path.suffix == ".safetensors":
        import torch
        from safetensors.torch import save_file

        shape = dice.choice(((7,), (1, 3, 1, 1), (1, 5, 32, 48), (0, 3, 32, 48), (2, 3, 32, 48)))
        save_file(
            {"picture": torch.zeros(shape)},
            path,
            {"index": dice.choice(("59", "-3", "x", str(_HUGE))), "channels_last": "", "sums": ""},
        )
    else:
        path.write_text(dice.choice(("[]", "null", '{"format": 4}', "[" * 100_000, '{"a":' * 50_000, "1e999")))


def linked(path: Path, dice: random.Random, others: list[Path]) -> None:
    path.unlink()
    path.symlink_to(dice.choice((path.parents[1] / "thesis.txt", Path("/dev/zero"), Path(path.name), others[0])))


def piped(path: Path, dice: random.Random, others: list[Path]) -> None:
    path.unlink()
    os.mkfifo(path)


def foldered(path: Path, dice: random.Random, others: list[Path]) -> None:
    path.unlink()
    path.mkdir()
    (path / "x").write_text("x")


def joined_by_another(path: Path, dice: random.Random, others: list[Path]) -> None:
    name = dice.choice(
        ("segment_00099.mp4", "notes.txt", "x.partial.mp4", "segment_00000", "watch.m3u", "\x1b[31m.mp4")
    )
    (path.parent / name).write_text("not a segment")


def forbidden(path: Path, dice: random.Random, others: list[Path]) -> None:
    """Root reads it all the same."""
    path.chmod(0)


def dated(path: Path, dice: random.Random, others: list[Path]) -> None:
    os.utime(path, (0, dice.choice((0, 2**33))))


_WAYS = (
    truncated, emptied, removed, rotten, swapped, longer, huge, shaped, linked, piped, foldered, joined_by_another,
    forbidden, dated,
)  # fmt: skip
TAMPERINGS: dict[str, Callable[[Path, random.Random, list[Path]], None]] = {
    way.__name__.replace("_", " "): way for way in _WAYS
}


def folders(numbers: range, folder: Path) -> Iterator[Outcome]:
    """Each file in turn, tampered with in each way in turn; then the same command, and where it refuses, the way on."""
    where, kept = yard(), dict[str, Path]()
    for number in numbers:
        kind, dice = KINDS[_STOPPED[number % len(_STOPPED)]], random.Random(number)
        if kind.name not in kept:
            kept[kind.name] = folder / f"kept_{len(kept)}"
            _stop(where, kind, kept[kind.name])
        how = list(TAMPERINGS)[number // len(_STOPPED) % len(TAMPERINGS)]
        with where.place() as place:
            copied(kept[kind.name], place)
            (place / "thesis.txt").write_text("years of work")
            work = place / kind.working_folders()[0]
            files = sorted(path for path in work.rglob("*") if path.is_file())
            chosen = files[dice.randrange(len(files))]
            TAMPERINGS[how](chosen, dice, [path for path in files if path != chosen and path.name != "lock"])
            ended, fault = _go_on(where, kind, place, work)
            if (place / "thesis.txt").read_text() != "years of work":
                fault = fault or "a file outside of the folder was changed"
        told = f"seed {number}, {kind.name}, {how} {chosen.name}: {fault}" if fault else ""
        yield Outcome(how, "fault" if fault else ended, told)


def _go_on(where: Yard, kind: Kind, place: Path, work: Path) -> tuple[str, str]:
    """How a render ends in a folder that was tampered with, and what is wrong with that."""
    command = where.start(kind, place)
    code = command.end()
    (place / "thesis.txt").rename(where.folder / "thesis.txt")  # it is not what a render has left behind
    try:
        if code == 0:
            return "right", wrong_with(kind, place, where.truth(kind), command, code)
        if code is None:
            return "", "hangs"
        if words := bad_words(command.said):
            return "", words
        if code not in (2, 3, 4) or not _WAY_ON.search(command.said):
            return "", f"exit code {code}, and no way on: {command.said[-400:]}"
        if "move that away" in command.said:  # what was named: here all of it
            shutil.rmtree(work, ignore_errors=True)
        return "refused", where.finish(kind, place, "--restart")
    finally:
        (where.folder / "thesis.txt").rename(place / "thesis.txt")
