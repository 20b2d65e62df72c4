"""`zoomdream render`, `info` and `check` from outside: what goes to stdout and stderr, what is left on the disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from zoomdream import ffmpeg
from zoomdream.api import load_config, load_config_text
from zoomdream.cli import main
from zoomdream.cli.render import lines, looking
from zoomdream.ffmpeg import probe
from zoomdream.rendering import Progress, render
from zoomdream.timeline import Timeline

ROOT = Path(__file__).parent.parent.parent


def test_the_finished_path_is_the_last_line_on_stdout_and_progress_is_on_stderr(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["render", "tiny.yaml"]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == "tiny.mp4"
    assert "frame 4 of 4" in printed.err
    assert sorted(os.listdir()) == ["tiny.mp4", "tiny.yaml"]
    facts = probe.probe(ffmpeg.executable(), Path("tiny.mp4"))
    assert (facts.width, facts.height) == (64, 48)
    assert probe.count_frames(ffmpeg.executable(), Path("tiny.mp4")) == 4


def test_options_change_the_config_and_quiet_silences_progress_only(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "ünï cödé: #1.mkv"
    options = ["--set", "size=[32, 16]", "--set", "frames=2", "--device", "cpu", "--quiet", "-o", name]
    assert main(["render", "tiny.yaml", *options]) == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == (f"{name}\n", "")
    assert probe.probe(ffmpeg.executable(), Path(name)).width == 32
    assert main(["render", "tiny.yaml", *options, "--set", "seed=8"]) == 2
    assert "--restart" in capsys.readouterr().err
    assert main(["render", "tiny.yaml", *options, "--set", "seed=8", "--restart"]) == 0
    assert main(["render", "tiny.yaml", "--device", "cuda:99"]) == 2
    assert "cuda:99" in capsys.readouterr().err


@pytest.mark.parametrize("device", ["", " ", "null", "~", "cpu # mine", "\udcff"])
def test_a_device_that_is_none_is_never_taken_for_auto(
    here: Path, capsys: pytest.CaptureFixture[str], device: str
) -> None:
    assert main(["render", "tiny.yaml", "--device", device]) == 2
    printed = capsys.readouterr().err
    assert "performance.device" in printed
    assert "bug" not in printed
    assert os.listdir() == ["tiny.yaml"]


def test_a_preview_is_a_small_film_of_its_own_that_a_later_one_replaces(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--set", "size=[600, 400]", "--set", "dream.octaves=4", "--set", "dream.octave_scale=2"]
    assert main(["render", "--preview", "tiny.yaml", *options]) == 0
    printed = capsys.readouterr()
    assert printed.out == "tiny_preview.mp4\n"
    assert "preview: 300x200 instead of 600x400 without the finest octave\n" in printed.err
    facts = probe.probe(ffmpeg.executable(), Path("tiny_preview.mp4"))
    assert (facts.width, facts.height) == (300, 200)
    assert probe.count_frames(ffmpeg.executable(), Path("tiny_preview.mp4")) == 4
    assert main(["render", "tiny.yaml", *options, "--preview", "--set", "seed=8", "--quiet"]) == 0
    assert main(["render", "tiny.yaml", "--set", "size=[32, 16]", "--quiet"]) == 0
    finished = Path("tiny.mp4").read_bytes()
    assert main(["render", "tiny.yaml", "--preview", "--output", "tiny.mp4"]) == 2
    assert "size was [32, 16], now [64, 48]" in capsys.readouterr().err
    assert Path("tiny.mp4").read_bytes() == finished


def size_of(picture: str) -> tuple[int, int]:
    with Image.open(picture) as opened:
        return opened.size


def test_a_preview_may_be_a_sheet_of_stills(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stills = ["render", "tiny.yaml", "--preview", "sheet"]
    assert main([*stills, "--set", "frames=30"]) == 0
    assert capsys.readouterr().out == "tiny_sheet.png\n"
    whole = size_of("tiny_sheet.png")
    assert main([*stills, "--quiet"]) == 0  # of four frames there are only four
    assert size_of("tiny_sheet.png")[1] < whole[1]
    Image.new("RGB", (9, 9)).save("mine.png")
    assert main([*stills, "-o", "mine.png"]) == 2
    assert "--restart" in capsys.readouterr().err
    assert main([*stills, "-o", "mine.mp4"]) == 2
    assert main([*stills, "-o", "mine.png", "--restart", "--quiet"]) == 0
    assert size_of("mine.png")[0] > 9
    assert sorted(os.listdir()) == ["mine.png", "tiny.yaml", "tiny_sheet.png"]


def test_what_a_clip_lost_is_said_unless_it_shall_be_quiet(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=2"]
    ffmpeg.run([str(ffmpeg.executable()), "-v", "error", *picture, "-c:v", "ffv1", "a.mkv"], what="making a clip")
    whole = Path("a.mkv").read_bytes()
    Path("a.mkv").write_bytes(whole[: len(whole) // 2])
    options = ["--set", "source={kind: video, path: a.mkv}", "--set", "frames=2"]
    assert main(["render", "tiny.yaml", *options, "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    assert main(["render", "tiny.yaml", *options]) == 0
    printed = capsys.readouterr()
    assert printed.out == "tiny.mp4\n"
    assert [line[:25] for line in printed.err.splitlines() if "2.00 s" in line] == ["note: the file ends early"]


def test_info_gives_a_config_that_renders_the_same_video_again(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "tiny.yaml", "--quiet"]) == 0
    capsys.readouterr()
    assert main(["info", "tiny.mp4"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "# 64x48, 4 frames, 10 frames per second" in printed.out
    Path("again.yaml").write_text(printed.out, encoding="utf-8")
    assert main(["render", "again.yaml", "--quiet", "-o", "again.mp4"]) == 0
    assert decoded(Path("again.mp4")) == decoded(Path("tiny.mp4"))


@pytest.mark.parametrize("ending", [".mkv", ".webp"])
def test_a_render_takes_any_name_and_info_gives_it_back(here: Path, ending: str) -> None:
    name = "-Odd #1: [x] {y} 'q' \"d\" 100% \\ & * | > @ !\n caf\udce9 e\u0301 "
    Image.new("RGB", (64, 48), (200, 30, 30)).save("a.png")
    Path("a.png").rename(f"{name}.PNG")
    begin = [sys.executable, "-m", "zoomdream"]
    odd = ["--set", "source.kind=image", "--set", f"source.path={name}.PNG", "--set", f"dream.mask={name}.PNG"]

    def run(*words: str) -> bytes:
        made = subprocess.run([*begin, *words], capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
        assert made.returncode == 0, made.stderr
        return made.stdout

    output = f"{name}{ending}"
    assert run("render", "tiny.yaml", *odd, "--output", output) == os.fsencode(output) + b"\n"
    Path("again.yaml").write_bytes(run("info", f"./{output}"))
    again, first = load_config("again.yaml"), load_config("tiny.yaml", odd[1::2], output=output)
    assert (again.output, again.source, again.dream) == (first.output, first.source, first.dream)
    assert not [path for path in here.iterdir() if path.name.endswith(".zoomdream")]


@pytest.mark.parametrize("named", ["many", "many/00001.png", "many.yaml", "many/%05d.png"])
def test_info_of_numbered_pictures_takes_their_folder_one_of_them_or_the_file_beside(
    named: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["render", "tiny.yaml", "--quiet", "--output", "many/%05d.png"]) == 0
    capsys.readouterr()
    assert main(["info", named]) == 0
    told = capsys.readouterr().out
    assert "made by zoomdream" in told.splitlines()[0]
    assert load_config_text(told).frames == len(list(Path("many").iterdir()))


def test_info_of_a_config_says_what_is_for_configs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "tiny.yaml"]) == 3
    assert "`zoomdream check`" in capsys.readouterr().err


def test_info_of_a_strangers_video_commands_no_terminal(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (16, 16)).save("a.gif")
    Path("a.gif.yaml").write_text(
        "# zoomdream 9\x1b[2J 0\x9b1m\noutput: a\x1b]0;gone\x07.gif\nseed: 1\n", encoding="utf-8"
    )
    assert main(["info", "a.gif"]) == 0
    printed = capsys.readouterr().out
    assert "output: a\\x1b]0;gone\\x07.gif\nseed: 1\n" in printed
    assert all(c.isprintable() or c == "\n" for c in printed)


@pytest.mark.parametrize(
    ("name", "content"), [("none.mp4", None), ("text.mp4", b"dear diary"), ("folder", None), ("none.gif", None)]
)
def test_info_of_what_is_no_video_of_ours_is_exit_code_3(
    name: str, content: bytes | None, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("folder").mkdir()
    if content is not None:
        Path(name).write_bytes(content)
    assert main(["info", name]) == 3
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("zoomdream: ")
    assert name in printed.err


def test_ctrl_c_ends_with_130_and_the_same_command_goes_on(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [sys.executable, "-m", "zoomdream", "render", "tiny.yaml", "--set", "frames=75"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    state = here / "tiny.mp4.zoomdream" / "state.safetensors"
    while not state.exists() and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    printed, complaint = process.communicate(timeout=60)
    assert (process.returncode, printed) == (130, "")
    assert "again" in complaint.splitlines()[-1]
    assert "Traceback" not in complaint

    assert main(command[3:]) == 0
    result = capsys.readouterr()
    assert result.out == "tiny.mp4\n"
    assert "going on" in result.err
    assert sorted(os.listdir()) == ["tiny.mp4", "tiny.yaml"]


def test_progress_in_a_log_is_a_line_every_few_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    report = lines(clock=lambda: now)
    report(Progress(0, 100, None, None, "starting"))
    for done in range(1, 101):
        now += 1.0
        report(Progress(done, 100, 1.0, 100.0 - done))
    printed = capsys.readouterr().err.splitlines()
    assert printed[:3] == [
        "starting",
        "frame 1 of 100 · 1.00 s/frame · 1:39 left",
        "frame 6 of 100 · 1.00 s/frame · 1:34 left",
    ]
    assert printed[-1] == "frame 100 of 100 · 1.00 s/frame"
    assert len(printed) == 22


def test_looking_at_a_long_clip_says_so_every_few_seconds_and_at_a_short_one_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = 0.0
    report = looking(clock=lambda: now)
    assert report is not None
    for frames in range(1, 701):
        now += 1 / 64
        report(frames)
    assert capsys.readouterr().err.splitlines() == [
        "looking at the clip first: frame 320",
        "looking at the clip first: frame 640",
    ]
    assert looking(quiet=True) is None


def decoded(video: Path) -> str:
    """A checksum of each decoded frame."""
    command = [str(ffmpeg.executable()), "-v", "error", "-i", str(video), "-f", "framemd5", "-"]
    return ffmpeg.run(command, what="decoding")


def test_a_picture_that_contains_itself_tells_how_far_it_is_before_there_is_a_frame(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["render", "tiny.yaml", "--set", "camera.space=droste"]) == 0
    told = capsys.readouterr().err.splitlines()
    assert told.index("starting") + 1 == told.index("dreaming before frame 1: 0%")
    heard: list[Progress] = []
    config = load_config("tiny.yaml", ["camera.space=droste", "size=[640, 360]", "dream.warmup=2"])
    render(config, progress=heard.append, restart=True)
    begun = [progress.begun for progress in heard if progress.begun is not None]
    assert begun == sorted(begun)
    assert len(begun) == len(Timeline.of(config, ()).growth) > 3
    assert 0 == begun[0] < begun[-1] < 1
    assert [progress.done for progress in heard if not progress.message] == [0] * len(begun) + [1, 2, 3, 4]
