"""A user's own network: a function in the user's own Python. Only for those who said that code may run (--allow-code).

The function gives a `zoomdream.types.Network`, or any classifier (nn.Module) that torch.fx can trace; then its layers
are found as those of torchvision's are, and pictures are normalised as for ImageNet.
"""

from __future__ import annotations

import copy
import importlib
import importlib.util
import re
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from torch import Tensor, nn

from zoomdream.autodiff.trace import trace
from zoomdream.autodiff.traced import TracedNetwork
from zoomdream.errors import ConfigError, InputError, require_file
from zoomdream.types import Layer, Network

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_SMALLEST = 32


def source_file(target: str, folder: Path) -> Path | None:
    """The file that "FILE.py:function" names, relative to `folder`; None for "module:function"."""
    place, _ = _split(target)
    return (folder / place).resolve() if place.endswith(".py") else None


def load(target: str, folder: Path, options: Mapping[str, Any]) -> Network:
    """Calls the function that `target` names with the options, and gives its network. Runs the user's code.

    target: "module:function" for an installed module, "FILE.py:function" for a file relative to `folder`. Raises
    ConfigError for a target of another form, InputError where the code cannot be found, fails, or gives no network.
    """
    place, name = _split(target)
    file = source_file(target, folder)
    if file is not None:
        require_file(file, "a Python file")
    try:
        function = getattr(importlib.import_module(place) if file is None else _from_file(file), name)
        made = function(**options)
    except Exception as error:  # whatever the user's own code does
        raise InputError(f"{target!r} failed: {_told(error)}.") from error
    if isinstance(made, nn.Module) and not hasattr(made, "layers"):
        return _opened(made, target)
    _check(made, target)
    return Fitting(cast(Network, made))


class Fitting(nn.Module):
    """A user's network, given pictures in the precision of its weights; where it has none, as they are."""

    def __init__(self, made: Network) -> None:
        super().__init__()
        self.made = made

    @property
    def name(self) -> str:
        return self.made.name

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self.made.layers

    def forward(self, image: Tensor, wanted: frozenset[str]) -> Mapping[str, Tensor]:
        weight = next(self.parameters(), None)
        return self.made(image if weight is None else image.to(weight.dtype), wanted)


def _split(target: str) -> tuple[str, str]:
    place, colon, name = target.rpartition(":")
    if not colon or not name.isidentifier() or not (place.endswith(".py") or re.fullmatch(r"[\w.]*\w", place)):
        raise ConfigError(f'{target!r} names no function; allowed are "module:function" and "FILE.py:function".')
    return place, name


def _from_file(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _opened(model: nn.Module, target: str) -> Network:
    model.eval()
    try:
        blueprint = trace(copy.deepcopy(model).to("meta"), lambda name: ())
    except Exception as error:
        raise InputError(
            f"the model of {target!r} cannot be traced by torch.fx ({_told(error)}). Give a network "
            "with `name`, `layers` and a call as zoomdream.types.Network describes it."
        ) from error
    return TracedNetwork(target, model, blueprint, IMAGENET_MEAN, IMAGENET_STD, _SMALLEST)


def _check(made: object, target: str) -> None:
    layers = getattr(made, "layers", None)
    if not callable(made) or not isinstance(getattr(made, "name", None), str) or not isinstance(layers, tuple):
        raise InputError(
            f"{target!r} gives a {type(made).__name__}, which is neither a model (nn.Module) nor a "
            "network with `name`, `layers` and a call as zoomdream.types.Network describes it."
        )
    if not layers:
        raise InputError(f"the network of {target!r} has no layers.")


def _told(error: Exception) -> str:
    """What went wrong and where, in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}{place}" if text else f"{type(error).__name__}{place}"
