"""What a worker of a cluster that sees no folder of the batch makes of the files that were sent along."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.source.test_series import written
from zoomdream import ffmpeg
from zoomdream.api import load_config
from zoomdream.batch.ray.worker import Parcel, do
from zoomdream.batch.work import Finished, Work
from zoomdream.encode import metadata
from zoomdream.rendering import make_job
from zoomdream.rendering.job import inputs


@pytest.mark.parametrize("path", ["shots/shot_%04d.png", "shots"])
def test_numbered_pictures_stay_together_on_their_way(
    tmp_path: Path, untrained_weights: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "home").mkdir()
    written(tmp_path / "home" / "shots", 3)
    config = load_config(
        {
            "output": str(tmp_path / "nowhere" / "a.mp4"),
            "source": {"kind": "frames", "path": str(tmp_path / "home" / path)},
            "network": {"weights": str(untrained_weights)},
            "dream": {"octaves": 1, "steps": 1, "warmup": 0},
            "flow": {"method": "none"},
        }
    )
    sent = {file: file.read_bytes() for file in inputs(config)}
    wanted = make_job(config).fingerprint
    (tmp_path / "home").rename(tmp_path / "gone")
    ended: list[object] = []
    result = do(Parcel(Work(0, config, 1), tmp_path / "token", sent), "far", bytes, ended.append)
    assert isinstance(result.event, Finished), result.event
    made = Path(result.folder, "a.mp4")
    origin = metadata.read_origin(ffmpeg.executable(), made)
    assert origin is not None
    assert origin.fingerprint == wanted
    assert str(tmp_path / "home" / path) in origin.config
