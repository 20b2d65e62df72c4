"""A batch on a real Ray cluster whose head is lost."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from zoomdream.batch.collect import collect
from zoomdream.batch.ray.head import PATIENCE, Head
from zoomdream.batch.work import EngineLost

ROOT = Path(__file__).parents[2]
HASTY = """
import sys
from zoomdream.batch.ray import head
head.PATIENCE = 1.0
from zoomdream.cli import main
sys.exit(main())
"""


def test_a_head_is_lost_after_a_while_of_silence_and_not_by_a_pause_of_ours() -> None:
    now = 0.0
    head = Head("127.0.0.1:1", lambda: now)  # where nobody listens
    now = 1000.0
    assert not head.lost()
    now += PATIENCE - 1
    assert not head.lost()
    now += 3
    assert head.lost()
    assert not Head("", lambda: now).lost()


def test_a_call_that_never_ends_does_not_keep_a_batch_whose_head_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoomdream.batch.ray.head.PATIENCE", 1.0)
    with pytest.raises(EngineLost, match="does not answer"):
        Head("127.0.0.1:1").watched(threading.Event().wait)


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore")  # of Ray's own
@pytest.mark.skipif(sys.platform != "linux", reason="the head is killed by its signal")
def test_a_batch_ends_with_a_report_when_the_head_is_lost_and_keeps_what_is_done(
    here: Path, tiny: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("ZOOMDREAM_OFFLINE", "1")
    Path("long.yaml").write_text(tiny(frames=5000))
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        cluster.add_node(num_cpus=1)
        words = ["batch", "long.yaml", "--engine", "ray", "--address", cluster.address, "--report", "report.json"]
        batch = subprocess.Popen([sys.executable, "-c", HASTY, *words], stdout=-1, stderr=-1, text=True)
        try:
            until = time.monotonic() + 60
            while not Path("long.mp4.zoomdream/state.safetensors").exists():
                assert time.monotonic() < until
                assert batch.poll() is None, batch.communicate()
                time.sleep(0.1)
            cluster.head_node.kill_all_processes(check_alive=False, allow_graceful=False)
            said, complained = batch.communicate(timeout=60)
        finally:
            batch.kill()
    finally:
        cluster.shutdown()
    assert batch.returncode == 1, complained
    assert "the head of the Ray cluster does not answer" in said
    assert "Traceback" not in complained
    report = json.loads(Path("report.json").read_text())
    assert [render["status"] for render in report["renders"]] == ["failed"]
    assert collect([Path("long.yaml")])[0].kept >= 30
