"""Loading: defaults, extends, --set, paths, times; one resolved Config comes out."""

from __future__ import annotations

import pickle
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from zoomdream.config import Config, ImageSource, NoiseSource, load_config, load_config_text
from zoomdream.errors import ConfigError


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes files into the working directory, which is a new one."""
    monkeypatch.chdir(tmp_path)

    def write_file(name: str, text: str) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return name

    return write_file


def test_an_empty_file_is_a_whole_config(write):
    config = load_config(write("spiral.yaml", "# nothing yet\n"))
    assert config.output == Path("spiral.mp4")
    assert config.size == (960, 540)
    assert config.fps == 30
    assert config.frames == 360
    assert config.source == NoiseSource(kind="noise")
    assert [term.layer for term in config.objective] == ["mixed4c"]
    assert (config.encode.codec, config.encode.crf, config.encode.preset) == ("h264", 18, "medium")


def test_a_mapping_is_the_same_as_a_file(write):
    path = write("a.yaml", "fps: 30000/1001\ncamera: {zoom: 1.5}\nframes: 12\n")
    assert load_config(
        {"fps": Fraction(30000, 1001), "camera": {"zoom": 1.5}, "frames": 12, "output": "a.mp4"}
    ) == load_config(path)


def test_a_section_with_nothing_but_comments_keeps_its_defaults(write):
    assert load_config(write("zoomdream.yaml", "camera:\n  # zoom: 2\nsource:\nduration:\n")) == load_config({})


@pytest.mark.parametrize(
    ("keys", "frames"),
    [
        ({"duration": "12s"}, 360),
        ({"duration": "12s", "fps": "30000/1001"}, 360),
        ({"duration": 0.5, "fps": 25}, 13),
        ({"duration": "100f", "fps": 24}, 100),
        ({"duration": "00:01:30.5", "fps": 24}, 2172),
        ({"frames": 7}, 7),
    ],
)
def test_frames_are_duration_times_fps_rounded(keys, frames):
    assert load_config(keys).frames == frames


def test_the_rate_stays_as_it_is_written():
    assert load_config({"fps": 29.97}).fps == Fraction(2997, 100)


def test_extends_merges_sections_and_replaces_lists(write):
    write("base.yaml", "camera: {zoom: 2, rotate: 9}\nobjective:\n - layer: a\n - layer: b\nframes: 9\n")
    config = load_config(
        write("child.yaml", "extends: base.yaml\ncamera: {zoom: 3}\nobjective: [{layer: c}]\nduration: 1s\n")
    )
    assert config.camera.zoom.constant == 3
    assert config.camera.rotate.constant == 9
    assert [term.layer for term in config.objective] == ["c"]
    assert config.frames == 30
    assert config.output == Path("child.mp4")


def test_extends_replaces_keyframes_and_other_kinds_as_a_whole(write):
    write("base.yaml", "camera: {zoom: {keys: {0s: 1, 3s: 2}, ease: hold}}\nsource: {kind: image, path: a.jpg}\n")
    config = load_config(
        write("child.yaml", "extends: base.yaml\ncamera: {zoom: {keys: {1s: 2}}}\nsource: {kind: noise}\n")
    )
    assert config.camera.zoom.tree() == {"keys": {"1s": 2.0}, "ease": "linear"}
    assert config.source == NoiseSource(kind="noise")
    again = load_config(write("again.yaml", "extends: base.yaml\nsource: {kind: image}\n"))
    assert again.source.path.name == "a.jpg"  # the same kind, of which all else stays


def test_extends_may_change_nothing_but_the_easing(write):
    write("base.yaml", "camera: {zoom: {keys: {0s: 1, 3s: 2}, ease: hold}}\n")
    config = load_config(write("child.yaml", "extends: base.yaml\ncamera: {zoom: {ease: smooth}}\n"))
    assert config.camera.zoom.tree() == {"keys": {"0s": 1.0, "3s": 2.0}, "ease": "smooth"}


def test_an_empty_key_goes_back_to_the_default(write):
    write("base.yaml", "camera: {zoom: 2}\n")
    assert load_config(write("child.yaml", "extends: base.yaml\ncamera:\n  zoom:\n")).camera == load_config({}).camera


def test_paths_are_relative_to_the_file_they_stand_in(write, tmp_path):
    write(
        "shared/base.yaml",
        "source: {kind: image, path: a.jpg}\nencode: {audio: ../song.wav}\nnetwork: {weights: w.pth}\n",
    )
    child = write("mine/child.yaml", "extends: ../shared/base.yaml\ncolor: {reference: look.png}\noutput: here/x.mp4\n")
    config = load_config(child, ["network.weights=w.pth"])
    assert config.source == ImageSource(kind="image", path=tmp_path / "shared/a.jpg")
    assert config.encode.audio == tmp_path / "song.wav"
    assert config.color.reference == tmp_path / "mine/look.png"
    assert config.network.weights == tmp_path / "w.pth"
    assert config.output == Path("here/x.mp4")


def test_words_in_the_place_of_paths_stay_words():
    config = load_config({"color": {"reference": "auto"}, "encode": {"audio": "none"}})
    assert config.color.reference == "auto"
    assert config.encode.audio == "none"


@pytest.mark.parametrize("names", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_a_circle_of_extends_is_an_error(write, names):
    for name, base in zip(names, [*names[1:], names[0]], strict=True):
        write(f"{name}.yaml", f"extends: {base}.yaml\n")
    with pytest.raises(ConfigError, match=r"line 1: extends: this goes in a circle: a.yaml"):
        load_config("a.yaml")


def test_a_long_chain_of_extends_is_an_error(write):
    for number in range(40):
        write(f"{number}.yaml", f"extends: {number + 1}.yaml\n")
    with pytest.raises(ConfigError, match="more than 16 files"):
        load_config("0.yaml")


def test_a_missing_base_is_named_with_the_line_that_wants_it(write):
    write("base.yaml", "")
    with pytest.raises(
        ConfigError, match=r"child.yaml, line 2: extends: there is no file bose.yaml. Did you mean base.yaml"
    ):
        load_config(write("child.yaml", "fps: 30\nextends: bose.yaml\n"))


def test_set_reaches_every_key_in_order():
    config = load_config(
        {"objective": [{"layer": "a"}, {"layer": "b"}], "frames": 10},
        [
            "camera.zoom=1.5",
            "camera.zoom={keys: {0s: 1, 5s: 2}}",
            "objective.1.weight=0.5",
            "duration=2s",
            "camera.pan.0='t/100'",
        ],
    )
    assert config.camera.zoom.tree() == {"keys": {"0s": 1.0, "5s": 2.0}, "ease": "linear"}
    assert [term.weight.constant for term in config.objective] == [1.0, 0.5]
    assert config.frames == 60
    assert [pan.tree() for pan in config.camera.pan] == ["t/100", 0.0]


def test_set_reaches_into_a_list_that_only_the_defaults_have():
    assert load_config({}, ["objective.0.weight=0.5"]).objective[0].layer == "mixed4c"


@pytest.mark.parametrize(
    "order", [("source.kind=image", "source.path=b.jpg"), ("source.path=b.jpg", "source.kind=image")]
)
@pytest.mark.parametrize("given", [{}, {"source": {"kind": "noise"}}])
def test_set_may_change_the_kind_of_source_in_any_order(order, given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_config(given, order).source == ImageSource(kind="image", path=tmp_path / "b.jpg")


def test_set_to_noise_forgets_the_picture():
    assert load_config({"source": {"kind": "image", "path": "a.jpg"}}, ["source.kind=noise"]).source.kind == "noise"


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("camera.zom=3", "Did you mean camera.zoom"),
        ("camera.zoom", "is not key.path=value"),
        ("=3", "is not key.path=value"),
        ("camera..zoom=3", "is not key.path=value"),
        ("extends=a.yaml", "is not key.path=value"),
        ("objective.3.weight=1", "positions are 0 to 0"),
        ("fps.x=3", "fps: 30 has no key x"),
        ("camera.zoom=[1,", "not valid YAML"),
        ("camera.zoom=!!int 3", "tags"),
    ],
)
def test_a_wrong_set_says_so_and_shows_itself(override, reason):
    with pytest.raises(ConfigError, match="--set") as caught:
        load_config({"fps": 30}, [override])
    assert reason in str(caught.value)


def test_the_output_argument_wins_and_decides_about_the_codec(write):
    config = load_config(write("a.yaml", "output: a.mp4\n"), output="some: where/%05d.png")
    assert config.output == Path("some: where/%05d.png")
    assert config.encode.codec == "png"


@pytest.mark.parametrize(
    ("output", "codec", "crf"),
    [
        ("a.mp4", "h264", 18),
        ("a.MKV", "h264", 18),
        ("a.webm", "vp9", 24),
        ("a.gif", "gif", None),
        ("a.webp", "webp", None),
        ("a.png", "png", None),
    ],
)
def test_the_codec_follows_the_extension(output, codec, crf):
    encode = load_config({"output": output}).encode
    assert (encode.codec, encode.crf) == (codec, crf)


def test_a_preset_that_is_a_number_is_a_name_too():
    assert load_config({"encode": {"codec": "av1", "preset": 6}}).encode.preset == "6"


def test_a_place_names_file_and_line(write):
    write("base.yaml", "fps: 30\ncamera:\n  zoom: 2\n")
    config = load_config(write("child.yaml", "extends: base.yaml\nobjective:\n  - layer: a\n"), ["seed=3"])
    assert config.place("camera.zoom") == "base.yaml, line 3"
    assert config.place("objective.0.layer") == "child.yaml, line 3"
    assert config.place("objective.0.weight") == "child.yaml, line 3"
    assert config.place("seed") == "--set seed=3"
    assert config.place("color.hold") == "child.yaml"


def test_the_place_of_a_replaced_key_is_the_line_that_counts(write):
    write("base.yaml", "objective:\n  - layer: a\n  - layer: b\n")
    config = load_config(write("child.yaml", "extends: base.yaml\nfps: 25\nobjective: [{layer: c}]\n"))
    assert config.place("objective.0.layer") == "child.yaml, line 3"


def test_a_config_is_a_value(write):
    text = "camera: {zoom: '1+t/100', pivot: [0.5, {keys: {0s: 0, 50%: 1}}]}\n"
    one, other = (
        load_config(write("a.yaml", text)),
        load_config_text(text, "b").model_copy(update={"output": Path("a.mp4")}),
    )
    assert one == other
    assert hash(one) == hash(other)
    assert pickle.loads(pickle.dumps(one)) == one
    assert pickle.loads(pickle.dumps(one)).place("camera.zoom") == one.place("camera.zoom")
    assert one != load_config({"output": "a.mp4"})
    with pytest.raises(Exception, match="frozen"):
        one.camera.border = "wrap"  # type: ignore[misc]


def test_schedules_know_their_keys():
    with pytest.raises(ConfigError, match=r"the value is 10.0003 at 1000.03 s") as caught:
        load_config({"camera": {"pan": [0, "t/100"]}}).camera.pan[1].values(40_000, Fraction(30), 7)
    assert caught.value.key == "camera.pan.1"


def test_the_config_package_needs_no_torch():
    code = "import sys, zoomdream.config; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_config_loads_from_text_with_its_own_folder(tmp_path):
    config = load_config_text("source: {kind: image, path: a.jpg}", "the video", tmp_path)
    assert isinstance(config, Config)
    assert config.place("source.path") == "the video, line 1"
    assert config.source == ImageSource(kind="image", path=tmp_path / "a.jpg")


def test_every_is_a_whole_number_of_frames() -> None:
    assert load_config({}).dream.every is None
    with pytest.raises(ConfigError, match=r"dream\.every is 0\. Allowed: 1 to 12 frames"):
        load_config({"dream": {"every": 0}})
