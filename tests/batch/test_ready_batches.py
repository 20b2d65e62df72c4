"""The ready batch configs are what they say, and become videos."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoomdream.batch.matrix import expand
from zoomdream.cli import main
from zoomdream.cli.new import first_comment, ready_configs

READY = {name: path for name, path in ready_configs().items() if name.startswith("batch/")}
SMALL = ["size=[32, 16]", "frames=2", "dream.warmup=0", "dream.steps=1", "encode.preset=ultrafast"]


def test_there_is_a_sweep_over_seeds_and_one_over_layers() -> None:
    seeds, layers = (expand(READY[name]) for name in ("batch/seeds", "batch/layers"))
    assert len({variant.load().seed for variant in seeds}) == len(seeds) == 8
    assert {"objective.0.layer", "dream.octaves"} == set(layers[0].choice)


@pytest.mark.parametrize("name", READY)
def test_a_ready_batch_renders(
    name: str, here: Path, untrained_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(first_comment(READY[name])) > 20
    assert main(["new", name]) == 0
    file = Path(capsys.readouterr().out.strip())
    assert file.name == READY[name].name
    some = ["matrix.seed=[1, 2]"] if "seeds" in name else ["matrix.objective.0.layer=[mixed3a]"]
    words = [word for text in [*SMALL, *some, f"network.weights={untrained_weights}"] for word in ("--set", text)]
    assert main(["batch", str(file), "--jobs", "1", *words]) == 0
    assert len(list(Path(file.stem).glob("*.mp4"))) == 2
