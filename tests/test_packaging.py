"""What the package needs, and what travels in its wheel: every package, the configs, the embedded network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
SETTINGS: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

PROJECT = SETTINGS["project"]


def test_every_package_is_listed() -> None:
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "zoomdream").rglob("__init__.py")}
    listed = set(SETTINGS["tool"]["setuptools"]["packages"])
    assert listed == {".".join(folder.parts) for folder in folders} | {"zoomdream.configs"}


@pytest.mark.parametrize("requirement", [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["ray"]])
def test_a_library_may_be_neither_older_nor_newer_than_what_was_tried(requirement: str) -> None:
    assert re.fullmatch(r"[\w-]+>=[\d.]+,<[\d.]+", requirement)


def test_the_wheel_holds_the_configs_and_the_package_data_and_works_from_its_own_folder(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in ("zoomdream", "configs"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, source / name)
    build = "import sys, setuptools.build_meta as backend; backend.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=source, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "installed")
    configs = [path for path in (ROOT / "configs").rglob("*") if path.is_file()]
    assert {f"zoomdream/{path.relative_to(ROOT).as_posix()}" for path in configs} <= names
    data = [path for path in (ROOT / "zoomdream" / "data").glob("*") if path.is_file()]
    assert {"zoomdream/py.typed", *(f"zoomdream/data/{path.name}" for path in data)} <= names
    assert not any(name.startswith("tests") for name in names)

    def answer(*words: str) -> str:
        command = [sys.executable, "-m", "zoomdream", *words]
        environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}
        return subprocess.run(
            command, cwd=tmp_path, env=environment, check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    assert answer("new", "tiny") == "tiny.yaml\n"
    assert "Zoom speed" in answer("help", "camera.zoom")
