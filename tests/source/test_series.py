"""Numbered pictures: which files a pattern or a folder names, and that they are then a clip like any other."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.made_clips import number_of, numbered, run
from tests.source.test_picture import deep_png
from zoomdream.color.alpha import multiplied
from zoomdream.config.schema_source import Series, Transfer
from zoomdream.errors import InputError
from zoomdream.source.clip.clip import describe, open_clip
from zoomdream.source.clip.decode import ClipReader
from zoomdream.source.picture import read_channels, read_image
from zoomdream.source.series import files_of


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()


def names_of(path: Path, missing: str = "error") -> list[str]:
    return [file.name for file in files_of(Series(path, Fraction(24), missing))]  # type: ignore[arg-type]


def written(folder: Path, count: int, name: str = "shot_{:04d}.png", first: int = 1) -> Path:
    folder.mkdir(exist_ok=True)
    for number, pixels in enumerate(numbered(count), first):
        Image.fromarray(pixels).save(folder / name.format(number))
    return folder


@pytest.mark.parametrize("pattern", ["shot_%04d.png", "shot_####.png", "shot_%d.png", "shot_#.png", "."])
def test_a_pattern_or_a_folder_names_its_files_in_the_order_of_their_numbers(tmp_path: Path, pattern: str) -> None:
    there = ["shot_9999.png", "shot_10000.png", "shot_10001.png"]
    touch(tmp_path, *there, "shot_10001.txt", "._shot_9998.png", "Thumbs.db", "notes.png")
    assert names_of(tmp_path / pattern) == there


def test_the_order_is_that_of_numbers_and_the_last_number_of_a_name_counts(tmp_path: Path) -> None:
    touch(tmp_path, *(f"take2 {number}b.PNG" for number in range(8, 12)))
    assert names_of(tmp_path) == ["take2 8b.PNG", "take2 9b.PNG", "take2 10b.PNG", "take2 11b.PNG"]


def test_a_number_may_not_have_fewer_digits_than_its_pattern(tmp_path: Path) -> None:
    touch(tmp_path, "1.png", "0002.png", "0003.png")
    assert names_of(tmp_path / "%04d.png") == ["0002.png", "0003.png"]


def test_an_accent_is_found_however_it_is_written(tmp_path: Path) -> None:
    touch(tmp_path, "e\u0301te\u0301_01.png")
    assert len(names_of(tmp_path / "\u00e9t\u00e9_##.png")) == 1


def test_missing_numbers_are_named_or_the_picture_before_is_held(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{number}.png" for number in (3, 4, 6, 9)))
    with pytest.raises(InputError, match=r"the numbers 3 to 9, but not 5 and 7 to 8\. .*`hold`"):
        names_of(tmp_path)
    assert names_of(tmp_path, "hold") == ["3.png", "4.png", "4.png", "6.png", "6.png", "6.png", "9.png"]


def test_numbers_that_are_dates_do_not_become_millions_of_frames(tmp_path: Path) -> None:
    touch(tmp_path, "20240101.png", "20260101.png")
    assert len(names_of(tmp_path, "hold")) == 20001
    touch(tmp_path, "1.png")
    with pytest.raises(InputError, match="more than 1000000 frames"):
        names_of(tmp_path, "hold")


@pytest.mark.parametrize(
    ("files", "path", "parts"),
    [
        (["a_01.png", "a_02.png", "b_01.png"], ".", ['"a_##.png" (2) and "b_##.png" (1)', 'such as "', "a_##.png"]),
        (["cover.png", "notes.txt"], ".", ["holds no numbered pictures"]),
        (["a_01.png", "a_02.png"], "%03d.png", ["no file is called", "There are numbered pictures", "a_##.png"]),
        (["a_01.png", "a_02.png"], "a_02.png", ["is one picture", "set `source.path` to", "a_##.png"]),
        (["a.png"], "a.png", ["is one picture", "set `source.kind` to `image`"]),
        (["a.mp4"], "a.mp4", ["is no picture", "set `source.kind` to `video`"]),
        (["a_01.png"], "b_01.png", ["does not exist. Did you mean", "a_01.png"]),
        (["a_01.png"], "gone/%02d.png", ["gone does not exist"]),
        (["1.png", "01.png"], ".", ["01.png and 1.png have the same number, 1"]),
    ],
)
def test_what_is_wrong_with_a_path_is_told_with_what_to_set(
    tmp_path: Path, files: list[str], path: str, parts: list[str]
) -> None:
    touch(tmp_path, *files)
    with pytest.raises(InputError) as caught:
        names_of(tmp_path / path)
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize("path", ["%02d.png", "##.png", ".", "02.png"])
def test_a_video_that_is_numbered_pictures_is_told_how_to_become_them(tmp_path: Path, path: str) -> None:
    written(tmp_path, 2, "{:02d}.png")
    with pytest.raises(InputError, match=r"numbered pictures.*set `source.kind` to `frames`"):
        open_clip(tmp_path / path)


def test_animations_whose_names_are_numbered_are_clips_each(tmp_path: Path) -> None:
    pictures = [Image.fromarray(pixels) for pixels in numbered(3)]
    for number in (1, 2):
        pictures[0].save(tmp_path / f"{number}.webp", save_all=True, append_images=pictures[1:], duration=100)
    assert len(open_clip(tmp_path / "2.webp").times) == 3


def test_numbered_pictures_are_a_clip_of_the_given_rate(tmp_path: Path) -> None:
    rate = Fraction("23.98")  # near one that is usual for clips
    clip = open_clip(Series(written(tmp_path / "a", 30, first=1001), rate))
    assert (clip.fps, clip.span, clip.size, clip.variable) == (rate, 30 / rate, (48, 64), False)
    assert not clip.has_sound
    assert describe(clip)[0].startswith("shot_1001.png to shot_1030.png: 64x48, 30 frames in 1.25 s")
    with ClipReader(clip, range(30), clip.size, "fill") as reader:
        pictures = [reader.frame(index).clone() for index in range(30)]
    assert [number_of(picture) for picture in pictures] == list(range(30))
    assert torch.equal(pictures[7], read_image(tmp_path / "a" / "shot_1008.png"))
    with ClipReader(clip, range(30), clip.size, "fill") as reader:
        for index in (29, 3, 4, 28):
            assert torch.equal(reader.frame(index), pictures[index])


def test_a_jump_reads_nothing_that_lies_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = open_clip(Series(written(tmp_path / "a", 30), Fraction(24)))
    read: list[str] = []

    def noted(path: Path, *more: object) -> torch.Tensor:
        read.append(path.name)
        return read_channels(path)

    monkeypatch.setattr("zoomdream.source.clip.frames.read_channels", noted)
    with ClipReader(clip, range(30), clip.size, "fill") as reader:
        reader.frame(28)
    assert read[0] == "shot_0029.png"


def test_sixteen_bits_are_kept_and_transparency_too(tmp_path: Path) -> None:
    deep = np.random.default_rng(1).integers(0, 65536, (16, 18, 4), dtype=np.uint16)
    (tmp_path / "1.png").write_bytes(deep_png(deep))
    clip = open_clip(Series(tmp_path, Fraction(24)))
    assert clip.scan.transparent
    with ClipReader(clip, (0,), clip.size, "fill", keep_alpha=True) as reader:
        found = reader.frame(0)
    exact = torch.from_numpy(deep.astype(np.float32) / 65535).permute(2, 0, 1)[None]
    assert torch.equal(found[:, 3:], exact[:, 3:])
    assert torch.allclose(found, multiplied(exact), atol=1e-7)


def test_linear_light_and_grey_are_understood_and_the_first_decides_about_the_size(tmp_path: Path) -> None:
    Image.new("L", (32, 24), 55).save(tmp_path / "1.tif")  # 55 of 255 as linear light looks half as bright as white
    Image.new("RGB", (64, 48), (255, 255, 255)).save(tmp_path / "2.tif")
    clip = open_clip(Series(tmp_path, Fraction(24), transfer="linear"))
    assert clip.size == (24, 32)
    assert "the size changes" in " ".join(clip.notes)
    with ClipReader(clip, (0, 1), clip.size, "fill") as reader:
        assert reader.frame(0).mean().item() == pytest.approx(0.5, abs=0.002)
        assert reader.frame(1).mean().item() == pytest.approx(1)


@pytest.mark.parametrize(("transfer", "shown"), [("auto", 188), ("linear", 188), ("srgb", 128)])
def test_openexr_holds_linear_light_unless_the_config_says_otherwise(
    tmp_path: Path, transfer: Transfer, shown: int
) -> None:
    run("-f", "lavfi", "-i", "color=0x808080:s=32x24,format=gbrpf32le", "-frames:v", 1, tmp_path / "a.%04d.exr")
    clip = open_clip(Series(tmp_path, Fraction(24), transfer=transfer))
    with ClipReader(clip, (0,), clip.size, "fill") as reader:
        assert reader.frame(0).mean().item() * 255 == pytest.approx(shown, abs=0.6)


def test_a_picture_that_is_damaged_or_changes_is_named(tmp_path: Path) -> None:
    series = Series(written(tmp_path / "a", 3), Fraction(24))
    first = open_clip(series)
    assert open_clip(series) is first
    path = tmp_path / "a" / "shot_0002.png"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match=r"shot_0002\.png is damaged"):
        open_clip(series)
    with ClipReader(first, range(3), first.size, "fill") as reader, pytest.raises(InputError, match=r"shot_0002\.png"):
        reader.frame(2)


def test_held_pictures_are_told(tmp_path: Path) -> None:
    written(tmp_path / "a", 5)
    (tmp_path / "a" / "shot_0003.png").unlink()
    clip = open_clip(Series(tmp_path / "a", Fraction(24), "hold"))
    assert len(clip.times) == 5
    assert "1 of 5 numbers are missing" in " ".join(clip.notes)
