from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rendering.synthetic import job, maker, stopping_after, watching
from zoomdream.errors import ConfigError, RenderInterrupted
from zoomdream.rendering import Progress, render_frames

Decoded = Callable[[Path], list[str]]


def test_a_finished_output_of_another_config_is_replaced_only_by_restart(tmp_path: Path, decoded: Decoded) -> None:
    render_frames(maker(40), job(tmp_path / "a.mp4", 40))
    other = job(tmp_path / "a.mp4", 50, fingerprint="b" * 64)
    with pytest.raises(ConfigError, match="--restart"):
        render_frames(maker(50), other)
    render_frames(maker(50), other, restart=True)
    assert len(decoded(other.output)) == 50


def test_a_refusal_names_the_keys_that_differ_and_a_free_name(tmp_path: Path) -> None:
    before = "camera: {zoom: 1.35, border: wrap}\nobjective: [{layer: mixed3b}]\ndream: {mask: /a/m.png}\n"
    render_frames(maker(40), job(tmp_path / "a.mp4", 40, config=before))
    (tmp_path / "a_2.mp4").touch()
    now = before.replace("1.35", "{keys: {0s: 1.5}}").replace("3b", "4c").replace("/a/", "/b/")
    with pytest.raises(ConfigError) as refused:
        render_frames(maker(50), job(tmp_path / "a.mp4", 50, fingerprint="b" * 64, config=now))
    text = str(refused.value)
    assert "camera.zoom was 1.35, now" in text
    assert 'objective.0.layer was "mixed3b", now "mixed4c"' in text
    assert "border" not in text
    assert "mask" not in text
    assert f"--output {tmp_path / 'a_3.mp4'}" in text
    assert "--restart" in text


DRAFT = '# made with {"draft": true}\n'


def test_a_draft_gives_way_to_any_later_render_also_unfinished(tmp_path: Path, decoded: Decoded) -> None:
    render_frames(maker(40), job(tmp_path / "a.mp4", 40, config=DRAFT))
    newer = job(tmp_path / "a.mp4", 70, fingerprint="b" * 64, config=DRAFT)
    with pytest.raises(RenderInterrupted):
        render_frames(stopping_after(35, 70), newer)
    assert len(decoded(newer.output)) == 40
    final = job(tmp_path / "a.mp4", 50, fingerprint="c" * 64)
    render_frames(maker(50), final)
    assert len(decoded(final.output)) == 50
    with pytest.raises(ConfigError, match="--restart"):
        render_frames(maker(40), job(tmp_path / "a.mp4", 40, config=DRAFT))
    assert len(decoded(final.output)) == 50


def test_a_draft_that_was_stopped_goes_on(tmp_path: Path) -> None:
    render_frames(maker(40), job(tmp_path / "a.mp4", 40, config=DRAFT))
    newer, said = job(tmp_path / "a.mp4", 70, fingerprint="b" * 64, config=DRAFT), list[Progress]()
    with pytest.raises(RenderInterrupted):
        render_frames(stopping_after(35, 70), newer)
    render_frames(maker(70), newer, observers=watching(said.append))
    assert said[0].message == "going on after frame 30"


def test_a_foreign_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("my holidays")
    with pytest.raises(ConfigError, match="another program"):
        render_frames(maker(40), job(tmp_path / "a.mp4"))
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_text() == "my holidays"


def test_the_folder_of_another_config_is_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(RenderInterrupted):
        render_frames(stopping_after(35, 70), job(tmp_path / "a.mp4", 70))
    other = job(tmp_path / "a.mp4", 70, fingerprint="b" * 64)
    with pytest.raises(ConfigError, match="--restart"):
        render_frames(maker(70), other)
    assert (tmp_path / "a.mp4.zoomdream" / "segment_00000.mp4").exists()
    assert render_frames(maker(70), other, restart=True).exists()


def test_an_interrupted_restart_over_an_old_file_goes_on_without_restart(tmp_path: Path, decoded: Decoded) -> None:
    render_frames(maker(40), job(tmp_path / "a.mp4", 40))
    other = job(tmp_path / "a.mp4", 70, fingerprint="b" * 64)
    with pytest.raises(RenderInterrupted):
        render_frames(stopping_after(35, 70), other, restart=True)
    assert len(decoded(other.output)) == 40  # the old one stays until the new one is finished
    render_frames(maker(70), other)
    assert len(decoded(other.output)) == 70
