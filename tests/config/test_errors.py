"""Errors for people: file, line, key, the value found, what is allowed, the nearest name."""

from __future__ import annotations

import os
from difflib import get_close_matches

import pytest

from zoomdream.config import explain, load_config, load_config_text
from zoomdream.errors import ConfigError


def error(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config_text(text, "spiral.yaml")
    return str(caught.value)


def test_an_unknown_key_names_the_nearest_or_else_the_allowed():
    assert error("camera: {qqq: 3}").endswith("Allowed here: zoom, rotate, pan, pivot, border, space, droste.")
    assert error("fps: 30\ncamera:\n  zom: 3\n") == (
        "spiral.yaml, line 3: camera.zom is not a key that zoomdream knows. Did you mean camera.zoom?"
    )


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("zoom: 3", ["zoom is not a key", "Did you mean camera.zoom?"]),
        ("camra: {zoom: 3}", ["Did you mean camera?"]),
        ("zom:", ["zom is not a key"]),
        ("dream: {octaves: 40}", ["dream.octaves is 40", "1 to 12"]),
        ("dream: {octaves: '3'}", ['dream.octaves is "3"', "a whole number"]),
        ("dream: {octaves: 3.5}", ["dream.octaves is 3.5", "a whole number"]),
        ("dream: {octaves: true}", ["dream.octaves is true"]),
        ("dream: {normalize: laplace}", ['"laplace"', "Did you mean laplacian?", "mean or std"]),
        ("dream: {noise: 0.6}", ["dream.noise is 0.6", "0 to 0.5", "full range"]),
        ("dream: {octave_scale: .nan}", ["dream.octave_scale is nan", "1.05 to 4"]),
        ("camera: {zoom: 30}", ["camera.zoom is 30", "0.05 to 20 times per second"]),
        ("camera: {zoom: fast}", ["camera.zoom", '"fast"', "unknown"]),
        ('camera: {zoom: "\\uD800"}', ["camera.zoom", "\\ud800", "cannot be read"]),
        ('camera: {zoom: {keys: {"\\uD800": 1}}}', ["camera.zoom", "\\ud800", "80%"]),
        ("camera: {zoom: [1, 2]}", ["camera.zoom is [1, 2]", "Keyframes"]),
        ("camera: {zoom: 1/t}", ["camera.zoom", "divides by zero", "0 s (frame 0)", "1/t"]),
        ("camera: {zoom: '9**9**9'}", ["camera.zoom", "beyond"]),
        ("camera: {zoom: '[x for x in range(9)]'}", ["camera.zoom", "loops"]),
        ("camera: {pan: [0]}", ["camera.pan is [0]", "a list of two"]),
        ("camera: {pan: [0, 0, 0]}", ["camera.pan is [0, 0, 0]", "a list of two"]),
        ("camera: {pan: [0, 11]}", ["camera.pan.1 is 11", "-10 to 10"]),
        ("camera: 3", ["camera is 3", "a section with the keys zoom, rotate"]),
        ("camera: {zoom: {keys: {0s: 1}, ease: in_out_sin}}", ["camera.zoom", "Did you mean in_out_sine?"]),
        ("camera: {zoom: {keys: {5x: 1}}}", ["camera.zoom", "5x", "80%"]),
        ("size: [15, 100]", ["size.0 is 15", "16 to 16384"]),
        ("size: [16384, 16384]", ["16384 x 16384", "64 megapixels"]),
        ("size: 720p", ['size is "720p"', "Write size: 1280x720", "a list of two"]),
        ("size: 960", ["size is 960", "Write size: 960x540"]),
        ("fps: 0", ["fps is 0", "1 to 240"]),
        ("fps: 1:30", ['fps is "1:30"', "1 to 240"]),
        ("duration: 12 parsecs", ['duration is "12 parsecs"', "12s"]),
        ("duration: 1s\nframes: 30", ["duration (1s) and frames (30)".replace("1s", '"1s"'), "one"]),
        ("duration: 0.001s", ["0 frames", "1 to 1000000"]),
        ("duration: 80%", ["duration", "seconds"]),
        ("timeline: 10\nframes: 20", ["timeline is 10", "20"]),
        ("seed: -1", ["seed is -1", "from 0"]),
        (
            "source: {kind: vidoe, path: a.mp4}",
            ['source.kind is "vidoe"', "Did you mean video?", "noise, image, video"],
        ),
        ("source: {kind: image}", ["source.path is missing", "the path of a picture"]),
        ("source: {kind: noise, path: a.jpg}", ["source.path", "It belongs to kind: image"]),
        ("source: {path: a.gif}", ["source.kind is missing", 'source: {kind: video, path: "a.gif"}', "noise, image"]),
        ("source: shots", ['source is "shots"', 'source: {kind: frames, path: "shots"}', "a section"]),
        ("objective: []", ["objective is []", "1 to 64 terms"]),
        ("objective: [{weight: 1}]", ["objective.0.layer is missing", "zoomdream layers"]),
        ("objective: [{layer: a, clas: banana}]", ["objective.0.clas is not a key", "objective.0.class?"]),
        ("objective: [{layer: a, class: banana}]", ["objective.0.layer stands beside class"]),
        ("objective: [{class: banana, at: [0, 0]}]", ["objective.0.at stands beside class"]),
        ("objective: [{guide: flowers.jpg}]", ["objective.0.layer is missing"]),
        ("objective: [{layer: a, guide: b.jpg, pick: weakest 3}]", ["objective.0.pick stands beside guide"]),
        ("objective: [{layer: a, match: channels}]", ["objective.0.match", "there is no guide"]),
        ("objective: [{class: [cat, dog, cat]}]", ["objective.0.class", "twice"]),
        ("objective: [{class: 1.5}]", ["objective.0.class is 1.5", "a name or number"]),
        ("objective: [{layer: a, channels: 20-10}]", ["objective.0.channels", "from the smaller to the larger"]),
        ("objective: [{layer: a, channels: 0-9999}]", ["objective.0.channels", "at most 4096"]),
        ("objective: [{layer: a, channels: [3, 1-4]}]", ["objective.0.channels", "twice"]),
        ("objective: [{layer: a, pick: loudest 5}]", ["objective.0.pick", "strongest, weakest or average"]),
        ("objective: [{layer: a, at: [0.5, 2]}]", ["objective.0.at.1 is 2", "0 (left, top) to 1"]),
        ("objective: [{layer: a, network: {nam: x}}]", ["objective.0.network.nam", "objective.0.network.name"]),
        ("objective: [{layer: a, channels: []}]", ["objective.0.channels is []"]),
        ("objective: [{layer: a, channels: [-1]}]", ["objective.0.channels.0 is -1"]),
        ("objective: [{layer: a, channels: [1, 1]}]", ["objective.0.channels", "twice"]),
        ("objective: 5", ["objective is 5", "Write objective: mixed4c", "a list of 1 to 64"]),
        ("objective: {mixed4c: 2}", ["objective.0.mixed4c", "Write objective: [{layer: mixed4c, weight: 2}]"]),
        ("dream: {octaves: 3 octaves}", ["dream.octaves is", "Write octaves: 3."]),
        ("camera: {zoom: 135%}", ['camera.zoom is "135%"', "without another unit, such as 1.35."]),
        ("camera: {zoom: 5%}", ["such as 1.05."]),
        ("camera: {zoom: '1,35'}", ["such as 1.35."]),
        ("camera: {zoom: '0: (1.2), 60: (1.5)'}", ["Keyframes are written {0f: 1.2, 60f: 1.5}."]),
        ("output: a.avi", ["a.avi", "ends in .avi", ".mp4 .mkv"]),
        ("output: a", ["has no extension"]),
        ("output: '%d/a%03d.png'", ["one pattern such as %05d"]),
        ("output: a.gif\nencode: {audio: song.mp3}", ["line 2: encode.audio", "song.mp3", "gif carries no sound"]),
        ('output: "\\uD800.mp4"', ["output is", "no file's name"]),
        ('source: {kind: image, path: "\\uD800.png"}', ["source.path is", "no file's name"]),
        ("output: '%05d.png'", ["a folder of their own, such as frames/%05d.png"]),
        ("output: '../%05d.png'", ["a folder of their own"]),
        ("output: ''", ["output is", ".mp4"]),
        ("output: a.webm\nencode: {codec: h264}", ["encode.codec is h264", ".webm", "vp9, av1", ".mp4, .mkv, .mov"]),
        ("encode: {codec: x264}", ['"x264"', "Did you mean h264?"]),
        ("encode: {audio_track: 0}", ["encode.audio_track is 0", "its language (en or eng)"]),
        ("encode: {crf: 60}", ["encode.crf is 60", "0 to 51"]),
        ("output: a.gif\nencode: {crf: 3}", ["encode.crf is 3", "gif", "no crf"]),
        ("encode: {preset: meduim}", ["Did you mean medium?", "placebo"]),
        ("encode: {codec: vp9, preset: medium}", ["no presets"]),
        ("encode: {pixel_format: yuv420}", ["Did you mean yuv420p?", "h264"]),
        ("encode: {hardware: nvec}", ['encode.hardware is "nvec"', "Did you mean nvenc?", "vaapi (Linux)"]),
        ("encode: {hardware: videotoolbox, codec: av1}", ["no av1", "off, nvenc, qsv, amf, vaapi", "h264, h265"]),
        (
            "output: a.gif\nencode: {hardware: amf}",
            ["line 2: encode.hardware is amf", "no gif", "for gif: off;"],
        ),
        ("encode: {hardware: qsv, preset: fast}", ['encode.preset is "fast"', "hardware is qsv", "leave it out"]),
        ("encode: {hardware: nvenc, pixel_format: yuv420p10le}", ["for h264 by nvenc: auto, yuv420p."]),
        ("encode: {hardware: nvenc, crf: 60}", ["encode.crf is 60", "0 to 51"]),
        ("encode: {metadata: 'yes'}", ['encode.metadata is "yes"', "true or false"]),
        ("encode: {audio: [3]}", ["encode.audio is [3]", "none or the path"]),
        ("performance: {threads: 0}", ["performance.threads is 0", "1 to 1024"]),
        ("performance: {device: gpu}", ['performance.device is "gpu"', "cuda"]),
        ("batch: 3", ["batch is not a key"]),
        ("flow: {method: dis}", ["line 1: flow is for clips", "source.kind is noise", "kind: video"]),
    ],
)
def test_a_wrong_value_names_itself_and_what_is_allowed(text, parts):
    message = error(text)
    assert message.startswith("spiral.yaml, line ")
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_all_problems_are_told_one_per_line():
    lines = error("fps: 0\ncamera: {zom: 1, border: mirror}\nencode: {crf: 99}\n").splitlines()
    assert sorted(line.split(": ")[0] for line in lines) == [f"spiral.yaml, line {number}" for number in (1, 2, 2, 3)]


def test_at_most_ten_problems_are_told():
    lines = error("".join(f"key{number}: 1\n" for number in range(5000))).splitlines()
    assert len(lines) == 11
    assert lines[-1] == "... and more."


def test_of_nineteen_thousand_unknown_keys_few_are_compared_with_all_others(monkeypatch):
    compared = []

    def count(word, *others, **options):
        compared.append(word)
        return get_close_matches(word, *others, **options)

    monkeypatch.setattr(explain, "get_close_matches", count)
    error("".join(f"key{number}: 1\n" for number in range(19_000)))
    assert 0 < len(compared) <= 2 * explain.MOST_READ


def test_a_missing_file_names_the_nearest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spiral.yaml").write_text("")
    with pytest.raises(ConfigError, match=r"there is no file spirla.yaml. Did you mean spiral.yaml\?"):
        load_config("spirla.yaml")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not a text file"),
        ("fps: 30 # grüße".encode("latin-1"), "not a text file"),
        ("fps: 30".encode("utf-16"), "not a text file"),
        (b"#" * 1_000_001, "larger than a config"),
        (b"- 1\n- 2\n", "top level"),
        (b"just text", "top level"),
    ],
    ids=["binary", "latin-1", "utf-16", "large", "list", "text"],
)
def test_a_file_that_is_no_config_says_what_it_is(tmp_path, data, reason):
    path = tmp_path / "a.yaml"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=reason):
        load_config(path)


def test_folders_pipes_and_impossible_names_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    for path, reason in (
        (tmp_path, "a folder"),
        (tmp_path / "pipe.yaml", "not a regular file"),
        (tmp_path / ("x" * 999), "cannot be read"),
    ):
        with pytest.raises(ConfigError, match=reason):
            load_config(path)
    with pytest.raises(ConfigError, match="zero byte"):
        load_config("a\0.yaml")


def test_a_byte_order_mark_is_no_text(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbffps: 25\n")
    assert load_config(path).fps == 25


def test_a_mapping_with_foreign_or_endless_values_is_refused():
    endless: dict[str, object] = {}
    endless["camera"] = endless
    for mapping in (endless, {"fps": object()}, {"seed": 10**6000}, {"camera": {"zoom": 10**6000}}, {"fps": b"30"}):
        with pytest.raises(ConfigError, match="the config"):
            load_config(mapping)
