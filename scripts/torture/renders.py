"""Renders of eight kinds and more, each a command, with what it should end as."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from bench.video import frame_checksums
from synthetic import clip as drawn
from torture.commands import Command, bad_words

_ZOOM = """\
size: [48, 32]
fps: 10
frames: 75
objective: [{layer: mixed3a}]
dream: {octaves: 1, steps: 1, warmup: 1}
performance: {device: cpu, threads: 1}
"""
_FAST = "encode: {preset: ultrafast}\n"
_CLIP = """\
source: {kind: video, path: clip.mp4}
size: [48, 32]
objective: [{layer: mixed3a}]
dream: {octaves: 1, steps: 1, warmup: 1, rate: 6}
flow: {cuts: [20f, 50f]}
performance: {device: cpu, threads: 1}
"""


@dataclass(frozen=True)
class Kind:
    """Configs by their names, the words of the command, and the outputs that it makes."""

    name: str
    configs: dict[str, str]
    words: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def is_batch(self) -> bool:
        return self.words[0] == "batch"

    def set_up(self, folder: Path, clip: Path) -> None:
        """Write what the command needs into an empty folder."""
        for name, text in self.configs.items():
            (folder / name).write_text(text)
        shutil.copy(clip, folder / "clip.mp4")

    def needs(self) -> set[str]:
        """The names of what was there at the beginning."""
        return {*self.configs, "clip.mp4"}

    def results(self) -> set[str]:
        """The names at the top of the folder of what it makes."""
        sidecars = {f"{name}.yaml" for name in self.outputs if name.endswith((".gif", ".webp"))}
        sidecars |= {f"{name.split('/')[0]}.yaml" for name in self.outputs if "/" in name}
        return {name.split("/")[0] for name in self.outputs} | sidecars

    def working_folders(self) -> list[str]:
        return [f"{name.split('/')[0]}.zoomdream" for name in self.outputs]


def one(name: str, text: str, output: str) -> Kind:
    """A single render."""
    return Kind(name, {"a.yaml": f"{text}output: {output}\n"}, ("render", "a.yaml"), (output,))


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        one("zoom", _ZOOM + _FAST, "a.mp4"),
        one("zoom, 4 dreams a second", _ZOOM.replace("warmup: 1", "warmup: 1, rate: 4"), "a.mkv"),
        one("numbered pictures", _ZOOM, "f/%05d.png"),
        one("gif", _ZOOM, "a.gif"),
        one("webp", _ZOOM.replace("75", "45"), "a.webp"),
        one("clip", _CLIP + _FAST, "a.mp4"),
        one("class", _ZOOM.replace("{layer: mixed3a}", "{class: banana}") + _FAST, "a.mov"),
        Kind("clip, shots in parallel", {"a.yaml": f"{_CLIP}{_FAST}output: a.mp4\n"},
             ("batch", "a.yaml", "--jobs", "2"), ("a.mp4",)),
        Kind("batch", {f"{n}.yaml": f"{_ZOOM}{_FAST}seed: {n}\noutput: {n}.mp4\n" for n in (1, 2)},
             ("batch", "1.yaml", "2.yaml", "--jobs", "2"), ("1.mp4", "2.mp4")),
    )
}  # fmt: skip


def draw_clip(folder: Path) -> Path:
    """75 frames with sound and a cut."""
    return drawn.write(
        drawn.DrawnClip(size=(32, 48), fps=Fraction(12), seconds=Fraction(75, 12), cut=2.5), folder / "drawn.mp4"
    )


def frames_of(kind: Kind, folder: Path) -> list[str]:
    """Checksums of all decoded frames of what a render has made; of a WebP, which ffmpeg does not decode, its bytes."""
    found = []
    for name in kind.outputs:
        path = folder / name
        found += [hashlib.sha256(path.read_bytes()).hexdigest()] if path.suffix == ".webp" else frame_checksums(path)
    return found


def left_behind(kind: Kind, folder: Path, but: Sequence[str] = ()) -> list[str]:
    """Names that are there and should not be."""
    return sorted({entry.name for entry in folder.iterdir()} - kind.needs() - kind.results() - set(but))


@dataclass(frozen=True)
class Undisturbed:
    """A render that was left alone: its frames, how long it took, and the bytes of what it has made."""

    frames: list[str]
    seconds: float
    size: int


def undisturbed(kind: Kind, folder: Path, clip: Path, notes: Path) -> Undisturbed:
    """Render once. RuntimeError where that fails."""
    import time

    kind.set_up(folder, clip)
    begin = time.monotonic()
    command = Command(kind.words, folder, notes)
    if command.end() != 0 or bad_words(command.said):
        raise RuntimeError(f"{kind.name}, left alone: {command.said[-800:]}")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Undisturbed(frames_of(kind, folder), time.monotonic() - begin, size)


def wrong_with(kind: Kind, folder: Path, truth: Undisturbed, command: Command, code: int | None) -> str:
    """What is wrong with a render that should have ended well, in words; "" where nothing is."""
    if code is None:
        return "hangs"
    if words := bad_words(command.said):
        return words
    if code != 0:
        return f"exit code {code}: {command.said[-500:]}"
    try:
        frames = frames_of(kind, folder)
    except Exception as error:
        return f"cannot be decoded: {error}"
    if frames != truth.frames:
        differ = sum(one != other for one, other in zip(frames, truth.frames, strict=False))
        return f"{differ} of {len(truth.frames)} frames differ, {len(frames)} are there"
    if left := left_behind(kind, folder):
        return f"left behind: {left}"
    return ""
