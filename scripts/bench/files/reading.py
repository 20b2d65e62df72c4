"""What zoomdream reads of a file, held against what is true of it."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import torch
from bench.files.drawing import number_of, patches_of
from bench.files.making import Case, Truth

from zoomdream.source.clip.clip import Clip, describe, frame_numbers, open_clip
from zoomdream.source.clip.decode import ClipReader
from zoomdream.source.sound_reader import SoundReader

_JUMPS, _LOOKS = 12, 2000
_SOUND = Fraction(1, 20)  # seconds: codecs begin with silence of their own


def faults(case: Case, path: Path) -> list[str]:
    """What is read wrong, in words; empty where all is right. Raises InputError if nothing can be read."""
    truth, clip = case.truth, open_clip(path)
    return [
        *_facts(clip, truth),
        *_pictures(clip, truth),
        *_output(clip, truth),
        *_sound(path, clip, truth),
        *jumps(clip),
    ]


def _facts(clip: Clip, truth: Truth) -> Iterator[str]:
    """Size, rate, duration, transparency, notes."""
    if clip.size != truth.size:
        yield f"size {clip.size}, true {truth.size}"
    if abs(clip.fps / truth.rate - 1) > Fraction(1, 1000):
        yield f"rate {float(clip.fps):.5g} ({clip.rule}), true {float(truth.rate):.5g}"
    if abs(clip.span - truth.end) > max(truth.late, 1 / truth.rate / 10):
        yield f"duration {float(clip.span):.4f}, true {float(truth.end):.4f}"
    if clip.scan.transparent != (truth.alphas is not None):
        yield f"transparent {clip.scan.transparent}"
    said = " ".join(describe(clip))
    for words in ("ends early", "could not be decoded", "cut off"):
        if words in said:
            yield f"said without reason: {said}"
    for words in truth.notes:
        if words not in said:
            yield f"nothing is said of {words!r}"


def _pictures(clip: Clip, truth: Truth) -> Iterator[str]:
    """Each picture: its number and when it is shown; the colours of the first and the last."""
    if len(clip.times) != len(truth.starts):
        yield f"{len(clip.times)} pictures, true {len(truth.starts)}"
        return
    late = [abs(time - clip.times[0] - true) for time, true in zip(clip.times, truth.starts, strict=True)]
    if max(late) > truth.late:
        yield f"picture {late.index(max(late))} is off by {float(max(late)):.4f} s"
    transparent = truth.alphas is not None
    with ClipReader(clip, range(len(clip.times)), truth.size, "stretch", keep_alpha=transparent) as reader:
        shown = []
        for number in range(len(clip.times)):
            picture = reader.frame(number)
            shown.append(number_of(picture[:, :3]))
            if number in (0, len(clip.times) - 1):
                yield from _colors(number, picture, truth)
    if tuple(shown) != truth.numbers:
        first = next(place for place, pair in enumerate(zip(shown, truth.numbers, strict=True)) if pair[0] != pair[1])
        yield f"picture {first} shows {shown[first]}, true {truth.numbers[first]}"


def _colors(number: int, picture: torch.Tensor, truth: Truth) -> Iterator[str]:
    if truth.colors is not None:
        seen = patches_of(picture)[:, :3]
        off = (seen - torch.tensor(truth.colors)).abs().max().item()
        if off > truth.off:
            yield f"colours of picture {number} are off by {off:.0f} of 255: {seen.round().int().tolist()}"
    if truth.alphas is not None:
        off = (patches_of(picture)[:, 3] - torch.tensor(truth.alphas)).abs().max().item()
        if off > truth.off:
            yield f"the alpha of picture {number} is off by {off:.0f} of 255"


def _output(clip: Clip, truth: Truth) -> Iterator[str]:
    """What the frames of a video at the clip's own rate show: the picture of their time, to half a frame."""
    numbers = frame_numbers(clip, clip.fps, Fraction(0), None)
    wanted = truth.end * clip.fps
    if abs(len(numbers) - wanted) > max(Fraction(1, 2), truth.late * clip.fps):
        yield f"{len(numbers)} frames of output, true {float(wanted):.2f}"
    half = Fraction(1, 2) / clip.fps
    for frame in random.Random(0).sample(range(len(numbers)), min(len(numbers), _LOOKS)):
        time, number = frame / clip.fps, numbers[frame]
        earliest, latest = (max(0, bisect_right(truth.starts, time + shift) - 1) for shift in (-half, half))
        if not earliest <= number <= latest:
            yield f"output frame {frame} shows picture {number}, true {earliest} to {latest}"
            return


def _sound(path: Path, clip: Clip, truth: Truth) -> Iterator[str]:
    """When the sound begins, from the first picture on."""
    with av.open(str(path)) as container:
        tracks = [stream.index for stream in container.streams.audio]
    if bool(tracks) != (truth.sound is not None) or clip.has_sound != bool(tracks):
        yield f"sound: {len(tracks)} tracks"
    elif truth.sound is not None:
        first = clip.times[0]
        begins = next(iter(SoundReader(path, tracks[0], first - 2, first + 3))).time - first
        if abs(begins - truth.sound) > _SOUND:
            yield f"the sound begins at {float(begins):+.3f} s, true {float(truth.sound):+.3f}"


def jumps(clip: Clip) -> Iterator[str]:
    """Pictures in any order against those that are read in order, bit by bit."""
    count = len(clip.times)
    size = min(clip.size[0], 576), min(clip.size[1], 1024)
    with ClipReader(clip, range(count), size, "stretch") as reader:
        before = [hash(reader.frame(number).numpy().tobytes()) for number in range(count)]
    order = random.Random(count).choices(range(count), k=_JUMPS)
    with ClipReader(clip, range(count), size, "stretch") as reader:
        for number in order:
            if hash(reader.frame(number).numpy().tobytes()) != before[number]:
                yield f"a jump to picture {number} gives another"
                return
