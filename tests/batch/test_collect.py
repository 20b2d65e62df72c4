"""Files, folders and patterns become checked renders, no two of them with one output."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from zoomdream.api import load_config
from zoomdream.batch.collect import collect, find_files
from zoomdream.batch.work import WarmNetworks, Work, perform
from zoomdream.errors import ConfigError
from zoomdream.networks import catalog, dreamnet_file
from zoomdream.rendering import render

Tiny = Callable[..., str]


def test_files_folders_and_patterns_are_found_each_once(here: Path) -> None:
    for name in ("a.yaml", "b.yml", "c.txt", "deep/d.yaml", "deep/deeper/e.yaml"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("seed: 1")
    assert [str(path) for path in find_files([".", "a.yaml", str(here / "a.yaml")])] == ["a.yaml", "b.yml"]
    found = find_files(["**/*.yaml"])
    assert [path.as_posix() for path in found] == ["a.yaml", "deep/d.yaml", "deep/deeper/e.yaml"]
    assert find_files(["nothing.yaml"]) == [Path("nothing.yaml")]
    with pytest.raises(ConfigError, match=r"no file matches nothing\*\.yaml"):
        find_files(["nothing*.yaml"])
    os.mkdir("empty")
    with pytest.raises(ConfigError, match="empty holds no configs"):
        find_files(["empty"])


def test_litter_is_passed_over_and_endings_may_be_capital(here: Path) -> None:
    os.mkdir("night")
    litter = ["._a.yaml", "~$a.yaml", "a.yaml~", ".a.yaml.swp", ".DS_Store", "Thumbs.db", "desktop.ini", ".#a.yaml"]
    for name in [*litter, "a.yaml", "B.YAML", "c.Yml"]:
        Path("night", name).write_text("seed: 1")
    assert [path.name for path in find_files(["night"])] == ["B.YAML", "a.yaml", "c.Yml"]
    assert [path.name for path in find_files(["night/*"])] == ["B.YAML", "a.yaml", "c.Yml"]
    assert len(find_files([f"night/{name}" for name in [*litter, "a.yaml"]])) == 1  # as a shell writes night/* out
    assert find_files(["night/._a.yaml"]) == [Path("night/._a.yaml")]  # somebody means it
    os.mkdir("empty")
    Path("empty/._a.yaml").touch()
    with pytest.raises(ConfigError, match="empty holds no configs"):
        find_files(["empty"])


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(here: Path) -> None:
    Path("a[1].yaml").write_text("seed: 1")
    assert find_files(["a[1].yaml"]) == [Path("a[1].yaml")]


def test_what_renders_leave_beside_their_outputs_is_no_config(here: Path, tiny: Tiny) -> None:
    Path("still.yaml").write_text(tiny(more="output: still.png\n").replace("preset: ultrafast", "codec: png"))
    render(load_config("still.yaml"))
    assert Path("still.png.yaml").is_file()
    assert find_files(["."]) == [Path("still.yaml")]


def test_renders_to_one_place_are_refused_however_it_is_called(here: Path, tiny: Tiny) -> None:
    Path("a.yaml").write_text(tiny(more="output: a.mp4\n"))
    Path("b.yaml").write_text(tiny(seed=2, more=f"output: {here / 'x' / '..' / 'a.mp4'}\n"))
    os.mkdir("x")
    with pytest.raises(ConfigError, match=r"a\.yaml and b\.yaml have the same output"):
        collect([Path("a.yaml"), Path("b.yaml")])
    Path("c.yaml").write_text(tiny(more="output: c.mp4\nmatrix: {seed: [1, 2]}\n"))
    with pytest.raises(ConfigError, match=r"c.yaml \(seed: 1\) and c.yaml \(seed: 2\)"):
        collect([Path("c.yaml")])


def test_finished_renders_are_known_and_damaged_or_other_ones_too(here: Path, tiny: Tiny) -> None:
    Path("a.yaml").write_text(tiny(frames=40))
    render(load_config("a.yaml"))
    assert [found.status for found in collect([Path("a.yaml")])] == ["skipped"]
    (other,) = collect([Path("a.yaml")], ["seed=5"])
    assert other.status == "failed"  # it would replace what another config has made
    assert "a.mp4 was made by another config (seed was 1, now 5)" in (other.error or "")
    whole = Path("a.mp4").read_bytes()
    Path("a.mp4").write_bytes(whole[: len(whole) * 3 // 4])
    (cut,) = collect([Path("a.yaml")])
    assert (cut.status, cut.damaged) == ("waiting", True)


@pytest.mark.parametrize(
    ("output", "codec"), [("a.gif", "gif"), ("a.webp", "webp"), ("a.png", "png"), ("pictures/%03d.png", "png")]
)
def test_pictures_that_were_cut_short_are_made_again(here: Path, tiny: Tiny, output: str, codec: str) -> None:
    text = tiny(more=f"output: {output}\n").replace("preset: ultrafast", f"codec: {codec}")
    Path("a.yaml").write_text(text)
    render(load_config("a.yaml"))
    assert [found.status for found in collect([Path("a.yaml")])] == ["skipped"]
    made = Path(output.replace("%03d", "001"))
    made.write_bytes(made.read_bytes()[:-5])
    assert [(found.status, found.damaged) for found in collect([Path("a.yaml")])] == [("waiting", True)]


@pytest.mark.parametrize("left", ["a.mp4.zoomdream/segment_00001.mp4", "a.mp4.zoomdream-parts/0123/000000-000009/lock"])
def test_what_a_killed_batch_had_no_time_to_tidy_up_goes_with_the_next(here: Path, tiny: Tiny, left: str) -> None:
    Path("a.yaml").write_text(tiny(frames=40))
    render(load_config("a.yaml"))
    made = Path("a.mp4").stat().st_mtime_ns
    Path(left).parent.mkdir(parents=True)
    Path(left).write_text("")
    (found,) = collect([Path("a.yaml")])
    assert (found.status, found.kept) == ("waiting", 40)
    assert found.config is not None
    perform(Work(0, found.config, 1), WarmNetworks(), lambda event: None)
    assert sorted(os.listdir()) == ["a.mp4", "a.yaml"]
    assert Path("a.mp4").stat().st_mtime_ns == made
    assert [found.status for found in collect([Path("a.yaml")])] == ["skipped"]


def test_every_kind_of_wrong_config_is_found_before_anything_starts(here: Path, tiny: Tiny) -> None:
    wrong = {
        "key": ("sed: 1\n", "did you mean"),
        "layer": (tiny(more="objective: [{layer: mixed9}]\n"), "has no layer"),
        "weights": ("network: {weights: gone.pth}\n", "gone.pth"),
        "picture": (tiny(more="source: {kind: image, path: gone.jpg}\n"), "gone.jpg"),
        "syntax": ("seed: [", "not valid YAML"),
        "codec": (tiny(more="output: a.webm\n").replace("preset: ultrafast", "codec: h264"), "does not fit into .webm"),
    }
    for name, (text, _) in wrong.items():
        Path(f"{name}.yaml").write_text(text)
    Path("right.yaml").write_text(tiny())
    heard: list[object] = []
    found = {render.source.stem: render for render in collect(find_files(["."]), checked=heard.append)}
    assert len(heard) == len(found) == 7
    assert found.pop("right").status == "waiting"
    for name, one in found.items():
        assert one.status == "failed", name
        assert wrong[name][1].lower() in (one.error or "").lower(), one.error
        assert one.exit_code in (2, 3)
    assert not [path for path in os.listdir() if not path.endswith(".yaml")]


def test_what_many_configs_read_is_read_once(
    here: Path, tiny: Tiny, untrained_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each was read for each config: 10,000 of them took 20 minutes to check."""
    shutil.copy(untrained_weights, "mine.safetensors")
    for seed in range(4):
        text = tiny(seed=seed)
        Path(f"embedded{seed}.yaml").write_text(re.sub("network: .*", "network: {name: dreamnet}", text))
        Path(f"own{seed}.yaml").write_text(re.sub("network: .*", "network: {weights: mine.safetensors}", text))
    read: list[object] = []
    file_digest, embedded = hashlib.file_digest, dreamnet_file.read
    monkeypatch.setattr(hashlib, "file_digest", lambda *given: read.append("own") or file_digest(*given))
    monkeypatch.setattr(dreamnet_file, "read", lambda *given: read.append(given) or embedded(*given))
    catalog.embedded_checksum.cache_clear()
    assert {found.status for found in collect(find_files(["."]))} == {"waiting"}
    assert read.count("own") == 1
    assert read.count(()) == 1
