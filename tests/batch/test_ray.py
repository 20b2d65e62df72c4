"""Batches on a real Ray cluster of three nodes on this machine, of which one is lost."""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from zoomdream.api import load_config
from zoomdream.batch.collect import collect
from zoomdream.batch.ray.engine import RayEngine
from zoomdream.batch.renders import Render
from zoomdream.batch.scheduler import outcome, schedule
from zoomdream.cli import main
from zoomdream.errors import ConfigError, RenderInterrupted
from zoomdream.rendering import render

pytestmark = [
    pytest.mark.ray,
    pytest.mark.filterwarnings("ignore"),  # of Ray's own
    pytest.mark.skipif(sys.platform != "linux", reason="workers are killed by their signal"),
]

ROOT = Path(__file__).parents[2]
Tiny = Callable[..., str]
Decoded = Callable[[Path], list[str]]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head without cores, and two nodes of one core each; connected."""
    import ray
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("ZOOMDREAM_OFFLINE", "1")
        soon = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 300}  # a lost node is known after 1.5 s
        head = {"num_cpus": 0, "include_dashboard": False, "_system_config": soon}
        made = Cluster(initialize_head=True, head_node_args=head)
        for _ in range(2):
            made.add_node(num_cpus=1)
        ray.init(address=made.address, log_to_driver=False, logging_level="error")
        yield made
        ray.shutdown()
        made.shutdown()


@pytest.mark.usefixtures("container_of_three_cores")
def test_a_cluster_on_this_machine_has_the_cores_that_its_container_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is started: what Ray is asked for is only looked at."""
    asked: list[object] = []

    def refuse(**options: object) -> None:
        asked.append(options["num_cpus"])
        raise RuntimeError("not now")

    monkeypatch.setattr("ray.init", refuse)
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    with pytest.raises(ConfigError, match="not now"):
        RayEngine(None, None, 1)
    assert asked == [3]


def run(names: Sequence[str], happens: Callable[[Render], None], kind: type[RayEngine] = RayEngine) -> list[Render]:
    """A batch on the cluster; `happens` hears of each render again and again while it runs."""
    renders = collect([Path(name) for name in names])

    def watch(changed: Render | None) -> None:
        for one in renders:
            if one.status == "running":
                happens(one)

    with kind(None, None, len(renders)) as engine:
        schedule(renders, engine, watch)
    return renders


class Apart(RayEngine):
    """Its workers see nothing of the batch's folders."""

    def _token(self, output: Path) -> Path:
        return super()._token(output).with_name("on-another-machine")

    def _everywhere(self, path: Path) -> bool:
        return False


def test_a_killed_worker_and_a_lost_node_cost_no_video(cluster: Any, here: Path, tiny: Tiny, decoded: Decoded) -> None:
    Path("long.yaml").write_text(tiny(frames=150))
    Path("other.yaml").write_text(tiny(frames=150, seed=2))
    Path(f".zoomdream-batch-00000000-99999999@{platform.node()}").touch()  # of a batch that was killed
    done: list[str] = []
    seen: list[int] = []

    def disaster(one: Render) -> None:
        seen.append(one.done)
        if not Path(f"{one.name}.zoomdream/state.safetensors").exists() or done[-1:] == ["node"]:
            return
        if not done and one.name == "long.mp4":
            os.kill(int(Path("long.mp4.zoomdream/lock").read_text()), signal.SIGKILL)
            done.append("worker")
        elif done == ["worker"] and one.name == "other.mp4":
            node = next(node for node in cluster.worker_nodes if works_on(node, "other.mp4"))
            cluster.remove_node(node, allow_graceful=False)
            done.append("node")

    renders = run(["long.yaml", "other.yaml"], disaster)
    cluster.add_node(num_cpus=1)
    settled(3)
    assert done == ["worker", "node"], [one.error for one in renders]
    assert [one.status for one in renders] == ["done", "done"], [one.error for one in renders]
    assert [one.attempts for one in renders] == [2, 2]
    assert len(set(seen)) > 3  # it was told how far they were
    assert sorted(os.listdir()) == ["long.mp4", "long.yaml", "other.mp4", "other.yaml"]
    for name in ("long", "other"):
        alone = render(load_config(f"{name}.yaml", output=f"alone_{name}.mp4"))
        assert decoded(alone) == decoded(Path(f"{name}.mp4"))


def settled(count: int, patience: float = 60) -> None:
    """Waits until the cluster knows of the loss of a node, of which a batch may ask in vain until then."""
    import ray

    until = time.monotonic() + patience
    while sum(node["Alive"] for node in ray.nodes()) != count:
        assert time.monotonic() < until
        time.sleep(0.1)


def works_on(node: Any, output: str) -> bool:
    """Whether a node's process is an ancestor of the worker that renders the output."""
    import psutil

    worker = psutil.Process(int(Path(f"{output}.zoomdream/lock").read_text()))
    raylet = next(info for kind, info in node.all_processes.items() if kind == "raylet")[0].process.pid
    return raylet in {parent.pid for parent in worker.parents()}


def test_without_a_shared_folder_inputs_travel_and_results_come_home(
    cluster: Any, here: Path, tiny: Tiny, decoded: Decoded, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("video.yaml").write_text(tiny(frames=4, more="output: far/video.mp4\n"))
    png = tiny(frames=3, more="output: far/pictures/%03d.png\n").replace("preset: ultrafast", "codec: png")
    Path("pictures.yaml").write_text(png)
    renders = run(["video.yaml", "pictures.yaml"], lambda one: None, Apart)
    assert [one.status for one in renders] == ["done", "done"], [one.error for one in renders]
    found = sorted(path.as_posix() for path in Path("far").rglob("*") if path.is_file())
    assert found == ["far/pictures.yaml", *(f"far/pictures/00{n}.png" for n in range(3)), "far/video.mp4"]
    alone = render(load_config("video.yaml", output="alone.mp4"))
    assert decoded(alone) == decoded(Path("far/video.mp4"))
    assert [one.status for one in collect([Path("video.yaml"), Path("pictures.yaml")])] == ["skipped"] * 2
    assert main(["info", "far/video.mp4"]) == 0
    assert f"weights: {load_config('video.yaml').network.weights}" in capsys.readouterr().out  # the path at home


def test_the_shots_of_a_clip_are_rendered_on_several_nodes(cluster: Any, shots: Path, decoded: Decoded) -> None:
    nodes: set[str] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            with contextlib.suppress(OSError):  # it has just been put together
                nodes.update(lock.read_text() for lock in Path().glob("clip.mp4.zoomdream-parts/*/*/lock"))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        assert main(["batch", "clip.yaml", "--engine", "ray", "--quiet"]) == 0  # as many at once as there are shots
    finally:
        over.set()
        watching.join()
    assert len(nodes) > 1
    assert sorted(os.listdir()) == ["clip.mp4", "clip.yaml"]
    alone = render(load_config("clip.yaml", output="alone.mp4"))
    assert decoded(Path("clip.mp4")) == decoded(alone)


def test_what_fails_on_the_cluster_says_why_and_ctrl_c_stops_it(cluster: Any, here: Path, tiny: Tiny) -> None:
    Path("wrong.yaml").write_text(tiny(frames=4, more="source: {kind: image, path: p.png}\n"))
    render(load_config({"size": [32, 16], "frames": 1, "dream": {"steps": 0}, "output": "p.png"}))
    renders = collect([Path("wrong.yaml")])
    Path("p.png").write_text("no picture any more")
    with RayEngine(None, None, 1) as engine:
        schedule(renders, engine, lambda changed: None)
    assert (renders[0].status, renders[0].attempts) == ("failed", 1)
    assert "p.png" in (renders[0].error or "")

    Path("long.yaml").write_text(tiny(frames=5000))
    renders = collect([Path("long.yaml")])

    def stop(changed: Render | None) -> None:
        if Path("long.mp4.zoomdream/state.safetensors").exists() and renders[0].status == "running":
            raise KeyboardInterrupt

    with RayEngine(None, 1, 1) as engine, pytest.raises(RenderInterrupted):
        schedule(renders, engine, stop)
    assert renders[0].status == "stopped"
    assert outcome(renders) == 130
    assert 30 <= collect([Path("long.yaml")])[0].kept < 5000
