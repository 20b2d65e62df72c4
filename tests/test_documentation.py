"""Every example in the documentation and in --help is one that works: YAML loads, commands parse, Python runs."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from PIL import Image

import zoomdream
from zoomdream.cli.new import ready_configs
from zoomdream.cli.parser import build_parser, parse
from zoomdream.config import ClipFacts, Config, load_config, reference
from zoomdream.config.assemble import from_file
from zoomdream.networks import catalog

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SECTIONS = {name: field.default for name, field in Config.model_fields.items()}
CLIP = ClipFacts((360, 640), Fraction(25), Fraction(600))


class Example(NamedTuple):
    """A text of a page and where it stands."""

    page: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(kind: str) -> Iterator[Example]:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in re.finditer(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            yield Example(page.name, text[: block.start()].count("\n") + 2, block[1])


def loaded(config: Path | dict[str, Any], overrides: list[str]) -> Config:
    return load_config(config, overrides, clip_facts=lambda _: CLIP, listen=music)


def music(_config: Config, asked: frozenset[str]) -> Any:
    """A song of one beat a second, all of whose functions are 0.5."""
    return SimpleNamespace(names=tuple(asked), value=lambda *_: 0.5, moment=lambda amount, _: amount, notes=())


def whole(text: str) -> list[str]:
    """The configs of a block: itself, or each of its lines in the section that has such a key."""
    keys = re.findall(r"^(\w+):", text, re.MULTILINE)
    if {*keys} <= {*SECTIONS, "duration", "extends", "matrix"}:
        return [text]
    homes = [next(name for name, section in SECTIONS.items() if hasattr(section, key)) for key in keys]
    parts = re.split(r"^(?=\w+:)", text, flags=re.MULTILINE)[1:]
    return [f"{home}:\n  {part}".rstrip().replace("\n", "\n  ") for home, part in zip(homes, parts, strict=True)]


@pytest.mark.parametrize("example", [*blocks("yaml")], ids=str)
def test_yaml_in_the_documentation_loads(example: Example, tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    for text in whole(example.text):
        path.write_text(text, encoding="utf-8")
        tree = from_file(path)[0].value
        axes = tree.pop("matrix", {})
        if tree.get("flow"):
            tree.setdefault("source", {"kind": "video", "path": "clip.mp4"})
        if axes:  # the output of a matrix holds the names of keys
            tree["output"] = "a.mp4"
        loaded(tree, [f"{key}={value}" for key, values in axes.items() for value in values])


def commands() -> Iterator[Example]:
    """The commands of sh blocks, of code within sentences, and of the help."""
    for example in blocks("sh"):
        for number, line in enumerate(example.text.replace("\\\n", "  ").splitlines()):
            yield from (Example(example.page, example.line + number, words) for words in calls(line))
    for page in PAGES:
        for found in re.finditer(r"`(zoomdream [a-z-][^`]*)`", page.read_text(encoding="utf-8")):
            yield from (Example(page.name, 0, words) for words in calls(found[1]))
    root, parsers = build_parser()
    for line in root.format_help().partition("examples:")[2].splitlines():
        yield from (Example("--help", 0, words) for words in calls(re.split(r"\s{2,}", line.strip())[0]))
    for name, parser in parsers.items():
        for found in re.finditer(r"`(zoomdream [^`]*)`", " ".join(parser.format_help().split())):
            yield from (Example(f"{name} --help", 0, words) for words in calls(found[1]))


def calls(line: str) -> list[str]:
    """The calls of zoomdream in a line of the shell; what it leaves open is Python's."""
    if line.count('"') % 2:
        line = line.rpartition('"')[0]
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&>;")
    lexer.whitespace_split, lexer.commenters = True, "#"
    found: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set("|&>;"):
            found.append([])
        else:
            found[-1].append(word)
    return [shlex.join(words) for words in found if words[:1] == ["zoomdream"]]


@pytest.mark.parametrize("typed", sorted({example.text for example in commands()}))
def test_a_command_in_the_documentation_is_one(typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = shlex.split(typed)[1:]
    if words[-1] == "--help":
        with pytest.raises(SystemExit):
            parse(words)
        return
    if words in ([name] for name in build_parser()[1]):  # only named
        return
    arguments = parse(words)
    ready = ready_configs()
    match arguments.command:
        case "new":
            assert arguments.list or arguments.name in ready
        case "render" | "check" | "plot":
            given = [arguments.config] if arguments.command != "check" else arguments.config
            for config in given:
                base: Any = ready.get(config.stem, {})
                if str(config).isupper():  # FILE, CONFIG
                    continue
                path = [f"source.path={ROOT / 'photo.jpg'}"] if config.stem.startswith("clip") else []
                loaded(base, [*path, *arguments.overrides])
        case "layers" | "atlas":
            if not arguments.network.isupper():
                catalog.check_name(arguments.network)
        case "help":
            assert arguments.topic in (None, *reference.chapters()) or reference.look_up(arguments.topic)


@pytest.mark.parametrize("example", [*blocks("sh")], ids=str)
def test_scripts_that_are_named_are_there(example: Example) -> None:
    named = re.findall(r"(?:^|\s)(?:\./)?(scripts/[\w/.]+)", example.text)
    assert [name for name in named if not (ROOT / name).exists()] == []


def short(code: str) -> str:
    """The same with pictures and films of a moment's work."""
    return re.sub(r"\d+s\b", "0.1s", re.sub(r"\d{2,}x\d{2,}|\[\d{2,}, \d{2,}\]", "64x48", code))


@pytest.mark.skipif(not catalog.networks()[0].present, reason="the embedded network's weights are not in this checkout")
@pytest.mark.parametrize("example", [*blocks("python")], ids=str)
def test_python_in_the_documentation_runs(example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("endless_zoom", "tiny"):
        Path(f"{name}.yaml").write_text("size: 64x48\nframes: 2\ndream: {steps: 1, octaves: 1}\n")
    Image.new("RGB", (64, 48), "teal").save("photo.jpg")
    exec(short(example.text), {})


def test_python_in_the_packages_own_words_names_what_there_is() -> None:
    """It says what README.md says, which is run above."""
    words = zoomdream.__doc__.partition("From Python:\n\n")[2].partition("\n`import zoomdream`")[0]  # type: ignore[union-attr]
    compile(textwrap.dedent(words), "zoomdream", "exec")
    assert {*re.findall(r"zoomdream\.(\w+)\(", words)} <= {*zoomdream.__all__}
