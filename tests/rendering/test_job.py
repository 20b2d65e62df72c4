from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from zoomdream import api, ffmpeg
from zoomdream.config import Config, load_config
from zoomdream.encode import metadata
from zoomdream.errors import ConfigError, InputError
from zoomdream.ffmpeg.probe import count_frames
from zoomdream.networks import catalog
from zoomdream.rendering import make_job, plan, render
from zoomdream.rendering.job import fingerprint, recall
from zoomdream.rendering.plan import make_plan
from zoomdream.rendering.run import Run, write_run
from zoomdream.types import Plan


def tree(tmp_path: Path, weights: Path, **changes: object) -> dict[str, object]:
    plain: dict[str, object] = {
        "output": str(tmp_path / "a.mp4"),
        "size": [64, 48],
        "fps": "30000/1001",
        "frames": 4,
        "network": {"name": "dreamnet", "weights": str(weights)},
        "objective": [{"layer": "mixed3b"}],
        "dream": {"octaves": 1, "steps": 1, "warmup": 0},
    }
    return plain | changes


def test_a_config_becomes_a_video_that_tells_its_config(tmp_path: Path, untrained_weights: Path) -> None:
    config = load_config(tree(tmp_path, untrained_weights))
    path = render(config)
    assert path == tmp_path / "a.mp4"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mp4"]
    program = ffmpeg.executable()
    assert count_frames(program, path) == 4
    stored = metadata.read_metadata(program, path).config
    made_with = json.loads(stored.partition("\n")[0].removeprefix("# made with "))
    assert made_with["encoder_threads"] == make_job(config).settings.threads
    (tmp_path / "again.yaml").write_text(stored)
    again = load_config(tmp_path / "again.yaml")
    assert again.performance.device == "cpu"  # what was auto is told as what it was
    assert make_job(again).fingerprint == make_job(config).fingerprint
    before = path.stat().st_mtime_ns
    assert render(again) == path
    assert path.stat().st_mtime_ns == before


def test_the_output_does_not_count_for_the_fingerprint_but_the_input_files_do(
    tmp_path: Path, untrained_weights: Path
) -> None:
    photo = tmp_path / "photo.png"
    Image.new("RGB", (8, 8), (1, 2, 3)).save(photo)
    source = {"kind": "image", "path": str(photo)}
    config = load_config(tree(tmp_path, untrained_weights, source=source))
    elsewhere = load_config(tree(tmp_path, untrained_weights, source=source, output=str(tmp_path / "b.mp4")))
    assert fingerprint(config) == fingerprint(elsewhere)
    Image.new("RGB", (8, 8), (1, 2, 4)).save(photo)
    changed = fingerprint(config)
    Image.new("RGB", (8, 8), (1, 2, 3)).save(photo)
    assert changed != fingerprint(config)
    photo.unlink()
    with pytest.raises(InputError, match=r"photo\.png"):
        fingerprint(config)
    if hasattr(os, "mkfifo"):
        os.mkfifo(photo)  # not waited for
        with pytest.raises(InputError, match="not a regular file"):
            fingerprint(config)


def numbered_pictures(tmp_path: Path, weights: Path, output: str) -> Config:
    (tmp_path / "in").mkdir(exist_ok=True)
    for number in range(5, 8):
        Image.new("RGB", (64, 48), (number, 2, 3)).save(tmp_path / "in" / f"{number:05d}.png")
    source = {"kind": "frames", "path": str(tmp_path / "in" / "%05d.png")}
    changes = {"source": source, "fps": 24, "frames": 3, "flow": {"method": "none"}}
    return api.load_config(tree(tmp_path, weights, **changes, output=str(tmp_path / output)))


def test_each_of_numbered_pictures_counts_for_the_fingerprint(tmp_path: Path, untrained_weights: Path) -> None:
    config = numbered_pictures(tmp_path, untrained_weights, "a.mp4")
    before = fingerprint(config)
    Image.new("RGB", (64, 48), (6, 2, 4)).save(tmp_path / "in" / "00006.png")
    changed = fingerprint(config)
    Image.new("RGB", (64, 48), (6, 2, 3)).save(tmp_path / "in" / "00006.png")
    assert fingerprint(config) == before != changed


def test_numbered_pictures_never_replace_those_that_they_are_made_of(tmp_path: Path, untrained_weights: Path) -> None:
    """Also where the numbers differ: a restart would remove all that the output's pattern names."""
    config = numbered_pictures(tmp_path, untrained_weights, "in/%05d.png")
    with pytest.raises(ConfigError, match=r"output: .* names files that this render reads"):
        render(config, restart=True)
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == ["00005.png", "00006.png", "00007.png"]


def test_a_file_that_cannot_be_read_is_named_with_its_line_and_key(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "seed: 1\nobjective:\n  - layer: mixed3a\n  - layer: mixed3b\n    guide: none.png\n    network:\n"
        "      name: googlenet\n      weights: none.pth\n"
    )

    def complaint() -> str:
        with pytest.raises(InputError) as error:
            fingerprint(load_config(tmp_path / "a.yaml"))
        return str(error.value)

    assert complaint().startswith(f"{tmp_path / 'a.yaml'}, line 5: objective.1.guide: {tmp_path / 'none.png'} does")
    (tmp_path / "none.png").touch()
    assert "line 8: objective.1.network.weights: " in complaint()
    (tmp_path / "none.pth").mkdir()
    assert complaint().endswith("none.pth is a folder, not a file.")


def test_code_that_is_missing_is_named_with_its_key_and_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("seed: 1\nnetwork:\n  python: mein.py:make\n")
    near = tmp_path / "mine.py"
    near.touch()
    told = f"a.yaml, line 3: network.python: {tmp_path / 'mein.py'} does not exist. Did you mean {near}?"
    with pytest.raises(InputError) as error:
        fingerprint(load_config(tmp_path / "a.yaml"))
    assert str(error.value).endswith(told)


def test_weights_that_nobody_named_count_for_the_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    config = load_config({"network": {"name": "googlenet"}})
    weights = tmp_path / "zoomdream" / "bvlc_googlenet.pth"
    weights.parent.mkdir()
    weights.write_bytes(b"one")
    one = fingerprint(config)
    weights.write_bytes(b"another")
    assert fingerprint(config) != one


def test_the_embedded_weights_count_for_the_fingerprint_where_they_are_used(
    tmp_path: Path, untrained_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    networks: list[dict[str, object]] = [
        {"name": "dreamnet"},
        {"name": "dreamnet", "weights": str(untrained_weights)},
        {"name": "googlenet", "weights": str(untrained_weights)},
    ]
    configs = [load_config({"network": network}) for network in networks]

    def fingerprints(checksum: str) -> list[str]:
        monkeypatch.setattr(catalog, "embedded_checksum", {"dreamnet": checksum}.get)
        return [fingerprint(config) for config in configs]

    one, another = fingerprints("1" * 64), fingerprints("2" * 64)
    assert [first == second for first, second in zip(one, another, strict=True)] == [False, True, True]


def test_an_output_never_replaces_its_own_input(tmp_path: Path, untrained_weights: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.new("RGB", (8, 8), (1, 2, 3)).save(photo)
    before = photo.read_bytes()
    source = {"kind": "image", "path": str(photo)}
    config = load_config(tree(tmp_path, untrained_weights, source=source, output=str(tmp_path / "." / "photo.png")))
    with pytest.raises(ConfigError, match=r"output: .*photo\.png is a file that this render reads"):
        render(config, restart=True)
    assert photo.read_bytes() == before


def test_a_file_without_metadata_holds_no_paths(tmp_path: Path, untrained_weights: Path) -> None:
    path = render(load_config(tree(tmp_path, untrained_weights, encode={"metadata": False})))
    assert untrained_weights.name.encode() not in path.read_bytes()
    assert str(tmp_path).encode() not in path.read_bytes()
    with pytest.raises(InputError, match="metadata: false"):
        metadata.read_metadata(ffmpeg.executable(), path)


@pytest.mark.parametrize("name", ["a.mp4", "a.gif"])
def test_a_finished_file_without_metadata_is_known_on_a_machine_of_more_threads(
    tmp_path: Path, untrained_weights: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    config = load_config(tree(tmp_path, untrained_weights, encode={"metadata": False}, output=str(tmp_path / name)))
    before = render(config).stat().st_mtime_ns
    threads = torch.get_num_threads()
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads + 1)
    monkeypatch.setattr(plan, "cores", lambda: threads + 1)
    assert render(config).stat().st_mtime_ns == before
    made_anew = recall(render(config, restart=True), ffmpeg.executable())
    assert made_anew is not None
    assert made_anew.threads == threads + 1, "a restart plans for the machine as it is now"


def test_a_soundtrack_that_is_none_is_told_before_anything_is_made(tmp_path: Path, untrained_weights: Path) -> None:
    (tmp_path / "song.mp3").write_text("la la la")
    config = load_config(tree(tmp_path, untrained_weights, encode={"audio": str(tmp_path / "song.mp3")}))
    with pytest.raises(InputError, match=r"song\.mp3"):
        make_job(config)


def test_an_unknown_layer_leaves_nothing_behind(tmp_path: Path, untrained_weights: Path) -> None:
    config = load_config(
        tree(tmp_path, untrained_weights, objective=[{"layer": "mixed9z"}], output=str(tmp_path / "new" / "a.mp4"))
    )
    with pytest.raises(ConfigError, match="mixed9z"):
        render(config)
    assert list(tmp_path.iterdir()) == []


def test_what_was_auto_stays_what_it_was_when_a_render_goes_on_elsewhere(
    tmp_path: Path, untrained_weights: Path
) -> None:
    config = load_config(tree(tmp_path, untrained_weights))
    path = render(config)
    remembered = recall(path, ffmpeg.executable())
    assert remembered is not None
    begun = replace(remembered, device="cuda", precision="float16", threads=77, tile=512, encoder_threads=5)
    elsewhere = make_plan(config, begun)
    assert elsewhere == begun
    assert make_job(config, elsewhere).fingerprint != make_job(config).fingerprint
    chosen = load_config(tree(tmp_path, untrained_weights, performance={"threads": 1}))
    assert make_plan(chosen, elsewhere).threads == 1


def test_nothing_is_remembered_of_what_was_never_rendered_or_is_no_video(tmp_path: Path) -> None:
    assert recall(tmp_path / "a.mp4", ffmpeg.executable()) is None
    (tmp_path / "a.mp4").write_text("no video")
    assert recall(tmp_path / "a.mp4", ffmpeg.executable()) is None


def test_a_render_without_a_finished_segment_is_not_recalled(tmp_path: Path) -> None:
    """The next one begins anew, perhaps of another part of a clip, whose cuts are elsewhere."""
    folder = tmp_path / "clip.mp4.zoomdream"
    folder.mkdir()
    run = Run("a" * 64, 10, 7, Plan("cpu", "float32", 1, "yuv420p", cuts=(3,)), {}, False, False, "")
    (folder / "run.json").write_text(write_run(run), encoding="utf-8")
    assert recall(tmp_path / "clip.mp4", ffmpeg.executable()) is None
    (folder / "state.safetensors").touch()
    assert recall(tmp_path / "clip.mp4", ffmpeg.executable()) == run.plan


def test_the_plan_of_a_draft_is_not_that_of_what_takes_its_place(tmp_path: Path, untrained_weights: Path) -> None:
    path = render(load_config(tree(tmp_path, untrained_weights)), draft=True)
    assert recall(path, ffmpeg.executable()) is None
