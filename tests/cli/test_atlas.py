"""`zoomdream atlas`: which pictures, what to paste, that it is all or nothing, and what is said of mistakes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from html import unescape
from pathlib import Path

import pytest
import torch
import yaml

from tests.tiny_network import TinyNetwork
from zoomdream.api import load_config
from zoomdream.atlas import pictures, subjects
from zoomdream.atlas.pictures import draw, jpeg, read_start
from zoomdream.atlas.subjects import Subject
from zoomdream.cli import INTERRUPTED, main
from zoomdream.cli.atlas import shown
from zoomdream.errors import ConfigError
from zoomdream.networks import catalog
from zoomdream.types import Layer

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_ROUNDS", 1)
    monkeypatch.setattr(pictures, "_CLASS_ROUNDS", 1)


def pasted(page: str) -> list[str]:
    return [unescape(text) for text in re.findall("<code>(.*?)</code>", page, re.DOTALL)]


def test_there_is_a_picture_for_each_main_layer_and_its_text_is_a_valid_config(
    untrained_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "new" / "atlas.html"
    assert main(["atlas", "dreamnet", "--weights", str(untrained_weights), "-o", str(output), "--size", "64"]) == 0
    told = capsys.readouterr()
    assert told.out == f"{output}\n"
    assert "picture 1 of 10 · mixed3a" in told.err
    head, *terms = pasted(output.read_text(encoding="utf-8"))
    names = [layer.name for layer in catalog.main_layers(catalog.layers_of("dreamnet"))]
    configs = [load_config(yaml.safe_load(f"{head}\n  {term}")) for term in terms]
    assert [config.objective[0].layer for config in configs] == names
    assert {config.network.weights for config in configs} == {untrained_weights}
    assert os.listdir(output.parent) == ["atlas.html"]


def test_channels_are_those_that_are_asked_for(untrained_weights: Path, tmp_path: Path) -> None:
    output = tmp_path / "atlas.html"
    command = ["atlas", "dreamnet", "--weights", str(untrained_weights), "-o", str(output), "--size", "64", "--quiet"]
    assert main([*command, "--layer", "inception_4c/output", "--channels", "5,0-1,1"]) == 0
    expected = [f"- {{layer: mixed4c, channels: {number}}}" for number in (5, 0, 1)]
    assert pasted(output.read_text(encoding="utf-8"))[1:] == expected
    assert main([*command, "--layer", "logits", "--channels", "954,134"]) == 0
    banana, crane = pasted(output.read_text(encoding="utf-8"))[1:]
    assert banana == "- {class: banana}"
    assert crane == "- {class: 134}"  # the bird; the machine has the same name


def test_all_channels_have_a_subject_of_their_own() -> None:
    assert [one.channel for one in subjects.channel_subjects(TinyNetwork(), "forms")] == list(range(12))


def test_names_are_quoted_where_yaml_would_take_them_for_something_else() -> None:
    for name in ("off", "12", "a: b", "{x}", "ü'\"#", "1:30", "- x"):
        subject = Subject(Layer(name, 4, 2, 0.5), 3)
        assert yaml.safe_load(f"objective:\n    {subject.paste}") == {"objective": [{"layer": name, "channels": 3}]}


def test_pictures_show_their_subject_and_are_the_same_again() -> None:
    network, edge = TinyNetwork(), 96
    shapes = network.layers[1]
    first, other = (draw(Subject(shapes, channel), network, edge=edge, seed=3) for channel in (2, 5))
    assert first.shape == (3, edge, edge)
    assert torch.equal(first, draw(Subject(shapes, 2), TinyNetwork(), edge=edge, seed=3))
    assert not torch.equal(first, draw(Subject(shapes, 2), network, edge=edge, seed=4))

    def energy(picture: torch.Tensor, channel: int) -> float:
        network.float()
        return float(network(picture[None], frozenset(["shapes"]))["shapes"][0, channel].square().mean())

    assert energy(first, 2) > energy(other, 2)
    assert energy(other, 5) > energy(first, 5)


class Sleepy(TinyNetwork):
    """Channel 2 of `shapes` is silent until it would be three times as strong as it ever is in a picture."""

    def __init__(self, picture: torch.Tensor) -> None:
        super().__init__()
        self.threshold = 0.0
        self.threshold = 3 * float(self(picture, frozenset(["shapes"]))["shapes"][0, 2].max())

    def forward(self, image: torch.Tensor, wanted: frozenset[str]) -> dict[str, torch.Tensor]:
        found = super().forward(image, wanted)
        if "shapes" in found:
            lowered = torch.zeros(12, 1, 1)
            lowered[2] = self.threshold
            found["shapes"] = torch.relu(found["shapes"] - lowered.to(image.dtype))
        return found


def test_a_channel_that_is_silent_at_first_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_ROUNDS_ON_A_PICTURE", 8)
    start = 0.5 + 0.1 * torch.rand((1, 3, 64, 64), generator=torch.Generator().manual_seed(1))
    network = Sleepy(start)
    subject = Subject(network.layers[1], 2)
    drawn = draw(subject, network, edge=64, seed=0, start=start)
    assert network.float()(drawn[None], frozenset(["shapes"]))["shapes"][0, 2].max() > 0


def test_a_picture_keeps_its_shape(tmp_path: Path) -> None:
    path = tmp_path / "wide.jpg"
    path.write_bytes(jpeg(torch.rand(3, 40, 160)))
    start = read_start(path, 64)
    assert start.shape == (1, 3, 32, 128)
    drawn = draw(Subject(TinyNetwork.layers[0]), TinyNetwork(), edge=64, seed=0, start=start)
    assert drawn.shape == (3, 32, 128)


@pytest.mark.parametrize("text", ["", "x", "5-2", "-3", "1,,2", "0-", "1.5"])
def test_numbers_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--channels"):
        subjects.parse_numbers(text)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["dreamnett"], 2, "did you mean 'dreamnet'"),
        (["dreamnet", "--layer", "mixed9z"], 2, "did you mean mixed"),
        (["dreamnet", "--layer", "mixed4c", "--channels", "0-512"], 2, "has no channel 512"),
        (["dreamnet", "--channels", "3"], 2, "--layer"),
        (["dreamnet", "--size", "20"], 2, "64 to 1024"),
        (["dreamnet", "-o", "photo.jpg"], 2, "ends in .html"),
        (["dreamnet", "-o", "file/atlas.html"], 4, "cannot be written"),
        (["dreamnet", "--from", "nowhere.jpg"], 3, "nowhere.jpg does not exist"),
        (["dreamnet", "--weights", "nowhere.pth"], 3, "nowhere.pth"),
    ],
)
def test_mistakes_are_told_before_any_picture(
    arguments: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    assert main(["atlas", *arguments]) == code
    told = capsys.readouterr().err
    assert message in told
    assert "picture 1" not in told
    assert os.listdir() == ["file"]


def test_an_interrupted_atlas_leaves_the_old_page_alone(tmp_path: Path) -> None:
    page = tmp_path / "atlas.html"
    page.write_text("old")
    command = [sys.executable, "-m", "zoomdream", "atlas", "dreamnet", "-o", str(page), "--size", "1024"]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("picture 1")
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=60)[1]
    assert process.returncode == INTERRUPTED
    assert told.splitlines()[-1] == "zoomdream: interrupted"
    assert os.listdir(tmp_path) == ["atlas.html"]
    assert page.read_text() == "old"


def test_progress_says_how_long_it_will_take(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = iter([0.0, 0.0, 2.0, 20.0, 40.0])
    report = shown(4, clock=lambda: next(seconds))
    for done, name in ((0, "a"), (1, "b"), (2, "c"), (4, "")):
        report(done, name)
    expected = ["picture 1 of 4 · a", "picture 3 of 4 · c · 10.0 s/picture · 0:20 left", "4 pictures · 10.0 s/picture"]
    assert capsys.readouterr().err.splitlines() == expected
