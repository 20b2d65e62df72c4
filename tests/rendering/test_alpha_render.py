"""Transparent inputs from the files to the finished file: what can hold alpha keeps it, all else is over black."""

from __future__ import annotations

from contextlib import closing
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from tests.source.test_picture import deep_png
from zoomdream import assembly, ffmpeg, pipeline
from zoomdream.api import frames, load_config
from zoomdream.cli import main
from zoomdream.config import Config
from zoomdream.encode.segment import EncodeSettings, pack, raw, raw_bits
from zoomdream.rendering import make_job, render
from zoomdream.rendering.plan import make_plan
from zoomdream.rendering.state_file import read_state, save_state
from zoomdream.source.clip.clip import open_clip
from zoomdream.source.clip.decode import ClipReader
from zoomdream.source.open import open_source
from zoomdream.source.picture import read_channels, read_image

SIZE = (48, 64)


def disc(number: int) -> np.ndarray:
    """(H, W, 4): an orange disc with a soft edge that moves to the right; the green around it is hidden."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    alpha = np.clip((16 - np.hypot(x - 26 - 4 * number, y - 24)) / 4 + 0.5, 0, 1)
    color = np.where(alpha[..., None] > 0, (230, 120, 30), (0, 255, 0)) + 10 * np.sin(x / 2)[..., None]
    return np.dstack([color.clip(0, 255), 255 * alpha]).round().astype(np.uint8)


@pytest.fixture
def discs(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for number in range(4):
        Image.fromarray(disc(number)).save(tmp_path / "in" / f"{number}.png")
    return tmp_path / "in"


def configured(path: Path, weights: Path, output: Path, **changes: object) -> Config:
    plain: dict[str, object] = {
        "output": str(output),
        "source": {"kind": "frames", "path": str(path)},
        "network": {"weights": str(weights)},
        "objective": [{"layer": "mixed3b"}],
        "dream": {"octaves": 1, "steps": 2, "warmup": 1, "every": 2, "step_size": 0.02},
    }
    return load_config(plain | changes)


def shown(film: Path) -> list[np.ndarray]:
    """(H, W, 4) of each frame of an animated WebP."""
    with Image.open(film) as opened:
        return [np.asarray(frame.convert("RGBA")) for frame in ImageSequence.Iterator(opened)]


def test_numbered_png_keeps_the_clips_own_alpha_untouched(tmp_path: Path, untrained_weights: Path, discs: Path) -> None:
    output = tmp_path / "out" / "%03d.png"
    render(configured(discs, untrained_weights, output))
    for number in range(4):
        found, wanted = np.asarray(Image.open(tmp_path / "out" / f"{number:03d}.png")), disc(number)
        assert (found[..., 3] == wanted[..., 3]).all()
        assert not found[wanted[..., 3] == 0].any()
        if number in (0, 2, 3):  # dreamed on
            inside = wanted[..., 3] == 255
            assert np.abs(found[inside].astype(int) - wanted[inside]).mean() > 2


def test_what_is_shown_as_it_is_has_no_fringes(tmp_path: Path, untrained_weights: Path, discs: Path) -> None:
    render(configured(discs, untrained_weights, tmp_path / "out" / "%03d.png", dream={"opacity": 0}))
    found, wanted = np.asarray(Image.open(tmp_path / "out" / "002.png")).astype(int), disc(2).astype(int)
    assert np.abs(found - wanted)[wanted[..., 3] > 0].max() <= 1


def test_sixteen_bits_of_alpha_are_kept(tmp_path: Path, untrained_weights: Path) -> None:
    (tmp_path / "in").mkdir()
    deep = np.random.default_rng(1).integers(0, 65536, (32, 48, 4), dtype=np.uint16)
    (tmp_path / "in" / "1.png").write_bytes(deep_png(deep))
    output = tmp_path / "out" / "%d.png"
    render(configured(tmp_path / "in", untrained_weights, output, encode={"pixel_format": "rgba64be"}))
    found = read_channels(tmp_path / "out" / "0.png")[0, 3].numpy()
    assert (np.round(found * 65535) == deep[..., 3]).all()


def test_webp_keeps_alpha_and_plays_each_frame_by_itself(tmp_path: Path, untrained_weights: Path, discs: Path) -> None:
    render(configured(discs, untrained_weights, tmp_path / "a.webp"))
    pictures = shown(tmp_path / "a.webp")
    assert len(pictures) == 4
    assert all((picture[..., 3] == disc(number)[..., 3]).all() for number, picture in enumerate(pictures))


def test_a_still_of_a_zoom_is_transparent(tmp_path: Path, untrained_weights: Path, discs: Path) -> None:
    source = {"kind": "image", "path": str(discs / "0.png")}
    size = {"size": [64, 48], "frames": 2, "camera": {"zoom": 1, "rotate": 0}}
    render(configured(discs, untrained_weights, tmp_path / "a.png", source=source, **size))
    found = np.asarray(Image.open(tmp_path / "a.png"))
    assert np.abs(found[..., 3].astype(int) - disc(0)[..., 3]).max() <= 1


@pytest.mark.parametrize("output", ["a.mkv", "out/%d.png"])
def test_where_nothing_holds_alpha_the_clip_is_over_black(
    tmp_path: Path, untrained_weights: Path, discs: Path, output: str
) -> None:
    encode = {"codec": "ffv1"} if output == "a.mkv" else {"pixel_format": "rgb24"}
    config = configured(discs, untrained_weights, tmp_path / output, encode=encode, dream={"opacity": 0})
    finished = render(config)
    if output == "a.mkv":
        film = open_clip(finished)
        with ClipReader(film, (0,), SIZE, "fill") as reader:
            found = reader.frame(0)
    else:
        found = read_image(tmp_path / "out" / "0.png")
    assert (found - read_image(discs / "0.png")).abs().max() <= 0.6 / 255
    assert not make_job(config).settings.alpha
    assert "transparent parts are black" in " ".join(open_source(config).notes)


def test_frames_in_python_are_over_black_and_nothing_is_dreamed_there(
    tmp_path: Path, untrained_weights: Path, discs: Path
) -> None:
    first = next(iter(frames(configured(discs, untrained_weights, tmp_path / "out" / "%d.png"))))
    changed = (first - read_image(discs / "0.png")[0]).abs().amax(0).numpy()
    alpha = disc(0)[..., 3]
    assert not changed[alpha == 0].any()
    assert 0 < changed[(alpha > 0) & (alpha < 128)].mean() < changed[alpha == 255].mean()


def test_pictures_that_could_be_transparent_and_are_not_stay_rgb(
    tmp_path: Path, untrained_weights: Path, discs: Path
) -> None:
    for path in discs.iterdir():
        Image.open(path).convert("RGB").convert("RGBA").save(path)
    job = make_job(configured(discs, untrained_weights, tmp_path / "out" / "%d.png"))
    assert (job.settings.pixel_format, job.settings.alpha) == ("rgb24", False)


@pytest.mark.parametrize(
    ("alpha", "pixel_format"), [(False, "rgb24"), (False, "rgb48be"), (True, "rgba"), (True, "rgba64be")]
)
def test_a_raw_frame_is_as_many_bytes_as_its_settings_say(alpha: bool, pixel_format: str) -> None:
    chosen = EncodeSettings("png", 64, 48, Fraction(25), pixel_format, ffmpeg.executable(), alpha=alpha)
    picture = torch.zeros(1, 4 if alpha else 3, chosen.height, chosen.width)
    assert len(raw(pack(picture, raw_bits(chosen)))) == chosen.frame_bytes


def test_a_transparent_clip_goes_on_after_any_frame(untrained_weights: Path, tmp_path: Path, discs: Path) -> None:
    config = configured(discs, untrained_weights, tmp_path / "out" / "%d.png")
    with closing(assembly.open_stages(config, make_plan(config))) as stages:
        whole = list(pipeline.frames(stages, None, 4))
        for stop in (0, 1, 2):
            save_state(tmp_path / "state", whole[stop])
            rest = list(pipeline.frames(stages, read_state(tmp_path / "state"), 4))
            assert len(rest) == 3 - stop
            assert all(
                torch.equal(mine.picture, its.picture) for mine, its in zip(rest, whole[stop + 1 :], strict=True)
            )


def test_check_says_whether_transparency_is_kept(
    tmp_path: Path, untrained_weights: Path, discs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(configured(discs, untrained_weights, tmp_path / "a.webp").to_yaml())
    assert main(["check", str(path)]) == 0
    assert "transparency is kept" in capsys.readouterr().out
    assert main(["check", str(path), "--set", "encode={}", "--set", "output=a.mp4"]) == 0
    assert "transparent parts are black" in capsys.readouterr().out
