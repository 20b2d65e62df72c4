"""Configs, expressions, `--set` and matrices that are mutated, hostile, or both."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from bench.report import ROOT
from torture import hostile
from torture.asking import Asker
from torture.commands import Outcome
from torture.kills import yard

from zoomdream.config.expression import FUNCTIONS

Dice = random.Random


def expression(dice: Dice, depth: int = 0) -> str:
    """Mostly arithmetic that is allowed, in parts what is not, and now and then broken."""
    roll = dice.random()
    if depth > 5 or roll < 0.3:
        text = dice.choice(hostile.WORDS[: hostile.FITTING] if dice.random() < 0.95 else hostile.WORDS)
    elif roll < 0.6:
        name = dice.choice([*FUNCTIONS] if dice.random() < 0.97 else hostile.CALLS)
        fits = FUNCTIONS[name].fewest if name in FUNCTIONS and dice.random() < 0.97 else dice.randrange(9)
        text = f"{name}({', '.join(expression(dice, depth + 1) for _ in range(fits))})"
    elif roll < 0.98:
        operator = dice.choice(
            hostile.OPERATORS[: hostile.FITTING_OPERATORS] if dice.random() < 0.95 else hostile.OPERATORS
        )
        text = f"{expression(dice, depth + 1)} {operator} {expression(dice, depth + 1)}"
    else:
        text = f"{dice.choice('([{-~')}" * dice.choice((1, 3, 100)) + expression(dice, depth + 1)
    return text if depth or dice.random() < 0.85 else _scrambled(text.encode(), dice).decode("utf-8", "replace")


def _scrambled(data: bytes, dice: Dice) -> bytes:
    """A few bytes changed, a slice removed or doubled, or a snippet put in."""
    changed = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 5))):
        place, length = dice.randrange(len(changed) + 1), dice.choice((1, 3, 30))
        match dice.randrange(4):
            case 0 if changed:
                changed[place % len(changed)] = dice.randrange(256)
            case 1:
                del changed[place : place + length]
            case 2:
                changed[place:place] = changed[place : place + length]
            case _:
                line = changed.rfind(b"\n", 0, place) + 1
                changed[line:line] = dice.choice(hostile.SNIPPETS).encode() + b"\n"
    return bytes(changed)


def _nodes(tree: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all values in a tree."""
    yield at
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield from _nodes(value, (*at, key))


def _mutated(tree: Any, dice: Dice) -> Any:
    """A tree in which one value is another, is gone, or has another name."""
    *parents, last = dice.choice(list(_nodes(tree))[1:] or [("seed",)])
    holder = tree
    for key in parents:
        holder = holder[key]
    if isinstance(holder, list):
        holder[last] = _value(dice)
        return tree
    match dice.randrange(6):
        case 0:
            holder.pop(last, None)
        case 1:
            holder[_misspelt(str(last), dice)] = holder.pop(last, 1)
        case 2:
            times = dice.choice((1, 2, 300))  # not of what is long: a thousandfold of that would test the disk
            holder[last] = [holder.get(last)] * (times if len(str(holder.get(last))) < 1000 else 2)
        case 3:
            holder[last] = {str(last): holder.get(last)}
        case _:
            holder[last] = _value(dice)
    return tree


def _value(dice: Dice) -> Any:
    return expression(dice) if dice.random() < 0.2 else dice.choice(hostile.VALUES)


def _misspelt(word: str, dice: Dice) -> str:
    place = dice.randrange(len(word) + 1)
    return word[:place] + dice.choice(("", "x", "_", ".", "é", " ", "\x1b")) + word[place + dice.randrange(2) :]


def _dump(tree: Any) -> str:
    return yaml.safe_dump(tree, allow_unicode=True, sort_keys=False, width=10**9)


class Texts:
    """Ready configs to begin with, in a folder with their pictures and a few traps."""

    def __init__(self, folder: Path) -> None:
        for path in (ROOT / "configs").glob("*.[jy]*"):
            shutil.copy(path, folder)
        shutil.copy(yard().clip, folder / "clip_sample.mp4")  # instead of the long one
        names = ("endless_zoom", "photo_zoom", "spiral", "zoom_out", "journey", "class_journey", "clip", "tiny")
        self.trees = [yaml.safe_load((ROOT / "configs" / f"{name}.yaml").read_text()) for name in names]
        (folder / "evil.py").write_text("from pathlib import Path\nPath('executed').touch()\n")
        os.mkfifo(folder / "pipe")

    def tree(self, dice: Dice) -> Any:
        return json.loads(json.dumps(dice.choice(self.trees)))

    def config(self, dice: Dice, folder: Path) -> list[str]:
        tree = self.tree(dice)
        for _ in range(dice.choice((0, 1, 1, 2, 4))):
            tree = _mutated(tree, dice)
        data = _dump(tree).encode("utf-8", "surrogatepass")
        if dice.random() < 0.4:
            data = _scrambled(data, dice)
        (folder / "trial.yaml").write_bytes(data)
        return ["batch", "trial.yaml", "--dry-run", "--quiet"]

    def expression(self, dice: Dice, folder: Path) -> list[str]:
        key, text = (
            dice.choice(("camera.zoom", "camera.rotate", "objective.0.weight", "camera.pan.0")),
            expression(dice),
        )
        if dice.random() < 0.5:
            return ["batch", "tiny.yaml", "--dry-run", "--quiet", "--set", f"{key}={text}"]
        tree = {"frames": 30, "objective": [{"layer": "mixed3a", "weight": text}], "camera": {"pan": [text, 0]}}
        (folder / "trial.yaml").write_text(_dump(tree), encoding="utf-8", errors="surrogatepass")
        return ["batch", "trial.yaml", "--dry-run", "--quiet"]

    def override(self, dice: Dice, folder: Path) -> list[str]:
        words = ["batch", dice.choice(("endless_zoom.yaml", "photo_zoom.yaml")), "--dry-run", "--quiet"]
        for _ in range(dice.choice((1, 1, 2, 5))):
            tree = self.tree(dice)
            key = ".".join(map(str, dice.choice(list(_nodes(tree)))))
            if dice.random() < 0.2:
                key = _misspelt(key, dice)
            value = _value(dice) if dice.random() < 0.6 else dice.choice(hostile.PLAIN)
            text = str(value) if dice.random() < 0.5 else _dump(value).removesuffix("...\n").strip()
            words += ["--set", (f"{key}={text}" if dice.random() < 0.95 else f"{key}{text}")[:50_000]]
        return words

    def matrix(self, dice: Dice, folder: Path) -> list[str]:
        axes: dict[str, Any] = {}
        for _ in range(dice.choice((1, 2, 3, 20))):
            some = [_value(dice) for _ in range(dice.randrange(4))]
            many = list(range(dice.choice((3, 12, 10_001))))
            axes[dice.choice(hostile.KEYS)] = dice.choice(([1, 2], [0.5, 1], some, many, _value(dice)))
        matrix = axes if dice.random() < 0.9 else _value(dice)
        text = _dump({**self.trees[0], "output": dice.choice(hostile.OUTPUTS), "matrix": matrix})
        data = text.encode("utf-8", "surrogatepass")
        (folder / "trial.yaml").write_bytes(_scrambled(data, dice) if dice.random() < 0.2 else data)
        return ["batch", "trial.yaml", "--dry-run", "--quiet"]


def trying(kind: str) -> Callable[[range, Path], Iterator[Outcome]]:
    """A part of trials of one kind: a method of Texts."""

    def try_out(numbers: range, folder: Path) -> Iterator[Outcome]:
        texts = Texts(folder)
        with Asker(folder) as asker:
            for number in numbers:
                words = getattr(texts, kind)(Dice(f"{kind} {number}"), folder)
                yield asker.ask(kind, number, "command", words, "trial.yaml")

    return try_out
