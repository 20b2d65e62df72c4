"""A user's own network: from a file or a module, a model or a whole network, and every way that can fail."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from zoomdream.errors import ConfigError, InputError
from zoomdream.networks import catalog, custom

CODE = """
import torch
from torch import nn
from zoomdream.types import Layer


def model(width=8):
    return nn.Sequential(
        nn.Conv2d(3, width, 3, 2, 1), nn.BatchNorm2d(width), nn.ReLU(inplace=True), nn.Conv2d(width, 16, 3, 2, 1),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 5),
    )


class Whole:
    name = "whole"
    layers = (Layer("red", 1, 1, 1.0),)

    def __call__(self, image, wanted):
        return {"red": image[:, :1]}


def no_layers():
    network = Whole()
    network.layers = ()
    return network


def broken():
    raise RuntimeError("no luck\\ntoday")


def nothing():
    return 7


class Branching(nn.Module):
    def forward(self, x):
        return x if x.mean() > 0 else -x
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(CODE)
    return tmp_path


def test_a_model_is_opened_up_with_its_layers(folder: Path) -> None:
    network = custom.load("mine.py:model", folder, {"width": 12})
    assert [layer.name for layer in network.layers] == ["0", "2", "3", "logits"]
    assert [layer.channels for layer in network.layers] == [12, 12, 16, 5]
    assert [layer.stride for layer in network.layers] == [2, 2, 4, 4]
    picture = torch.rand(1, 3, 40, 48).requires_grad_()
    found = network(picture, frozenset({"2", "logits"}))
    assert found["2"].shape == (1, 12, 20, 24)
    assert found["logits"].shape == (1, 5)
    assert float(torch.autograd.grad(found["2"].square().mean(), picture)[0].abs().max()) > 0
    assert catalog.find_layer(network, "1").name == "0", "the batch norm is part of its convolution"


def test_a_whole_network_is_taken_as_it_is(folder: Path) -> None:
    network = custom.load("mine.py:Whole", folder, {})
    assert network.name == "whole"
    assert network(torch.ones(1, 3, 2, 2), frozenset({"red"}))["red"].shape == (1, 1, 2, 2)


def test_an_installed_module_is_found_by_its_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(folder))
    assert custom.load("mine:Whole", folder, {}).name == "whole"
    assert custom.source_file("mine:Whole", folder) is None
    assert custom.source_file("mine.py:Whole", folder) == folder / "mine.py"


@pytest.mark.parametrize("target", ["mine.py", "model", "mine.py:", "mine.py:a.b", "os;x:y", ":model", "a b:c"])
def test_a_target_of_another_form_is_refused_before_anything_runs(folder: Path, target: str) -> None:
    with pytest.raises(ConfigError, match="names no function"):
        custom.load(target, folder, {})


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("none.py:model", "does not exist"),
        ("no_such_module_here:model", "ModuleNotFoundError"),
        ("mine.py:absent", "AttributeError.*absent"),
        ("mine.py:broken", r"RuntimeError: no luck today \(mine.py, line 29\)"),
        ("mine.py:nothing", "gives a int"),
        ("mine.py:no_layers", "has no layers"),
        ("mine.py:Branching", "cannot be traced"),
    ],
)
def test_whatever_fails_in_the_users_code_is_one_paragraph(folder: Path, target: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected) as caught:
        custom.load(target, folder, {})
    assert "\n" not in str(caught.value)
    assert target.partition(":")[0] in str(caught.value)


def test_options_that_the_function_does_not_take_are_named(folder: Path) -> None:
    with pytest.raises(InputError, match="unexpected keyword argument 'depth'"):
        custom.load("mine.py:model", folder, {"depth": 3})
