"""The shape of the code: imports point one way, files stay small, config and help stay quick."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "zoomdream"
MODULES = sorted(PACKAGE.rglob("*.py"))
SOURCES = [*MODULES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "scripts").rglob("*.py"))]

# From the ground floor up: a room imports only from rows above its own. Rooms of one row do not know each other.
FLOORS = (
    ("version",),
    ("errors", "types"),
    ("randomness", "machine", "ffmpeg"),
    ("color", "camera"),
    ("config",),
    ("timeline",),
    ("autodiff",),
    ("networks",),
    ("source", "encode"),
    ("flow",),
    ("dream",),
    ("stages",),
    ("pipeline",),
    ("assembly",),
    ("rendering",),
    ("api",),
    ("batch", "atlas"),
    ("cli",),
    ("__init__", "__main__"),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def layer(path: Path) -> str:
    """The room that a file belongs to: the first name below the package."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_layers(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative imports hide the layer"
            module = node.module or ""
            names = [f"zoomdream.{alias.name}" for alias in node.names] if module == "zoomdream" else [module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("zoomdream.")}
    return found


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_imports_point_one_way(path: Path) -> None:
    upward = {room for room in imported_layers(path) - {layer(path)} if FLOOR[room] >= FLOOR[layer(path)]}
    assert not upward


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_files_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


@pytest.mark.parametrize("module", ["zoomdream", "zoomdream.config", "zoomdream.cli", "zoomdream.cli.parser"])
def test_what_must_be_quick_does_not_load_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
