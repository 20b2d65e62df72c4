"""Parts start and prediction: how long until something happens, and whether what is foretold comes true."""

from __future__ import annotations

import re
import subprocess
import sys

from bench import processes
from bench.command import say
from bench.report import ROOT, Report, spread
from bench.speed import renders
from bench.speed.scale import written
from bench.speed.timing import Setting

import zoomdream

HELP, FIRST_FRAME, DEMO = 0.5, 4.0, 90.0  # seconds, on two cores
OFF_THE_TRUTH = 0.20


def start(setting: Setting, found: Report) -> None:
    """Seconds of whole processes."""
    times = 2 if setting.quick else 5
    commands = {
        "python alone": [sys.executable, "-c", "pass"],
        "import zoomdream": [sys.executable, "-c", "import zoomdream"],
        "import torch": [sys.executable, "-c", "import torch"],
        "zoomdream --help": processes.zoomdream("--help"),
    }
    rows = found.figures["start"] = {
        name: {"seconds": spread([processes.seconds_of(words, setting.clock) for _ in range(times)])}
        for name, words in commands.items()
    }
    demo = zoomdream.load_config(ROOT / "configs" / "endless_zoom.yaml", output=setting.folder / "demo.mp4")
    path = written(demo)
    seconds = [processes.seconds_until_first_frame(path) for _ in range(1 if setting.quick else 3)]
    rows["first frame of the demo, 640x360"] = {"seconds": spread(seconds)}
    found.at_most("start: seconds of zoomdream --help", spread_median(rows["zoomdream --help"]["seconds"]), HELP)
    found.at_most("start: seconds to the demo's first frame", spread_median(spread(seconds)), FIRST_FRAME)
    if not setting.quick:
        words = processes.zoomdream("render", str(path), "--restart")
        whole = processes.seconds_of(words, setting.clock)
        rows["the demo, 10 s of 640x360"] = {"seconds": spread([whole])}
        found.at_most("start: seconds of the whole demo", whole, DEMO)


def spread_median(entry: dict[str, float]) -> float:
    return entry["median"]


def prediction(setting: Setting, found: Report) -> None:
    """What `zoomdream check` and the progress after five frames say, against a render of the same config."""
    rows = found.figures["prediction"] = {}
    work = {"dreamnet": (480, 270)} if setting.quick else {"dreamnet": (480, 270), "googlenet": (640, 360)}
    for network, size in work.items():
        chosen = renders.config(setting, network, size, 12 if setting.quick else renders.WINDOW + 6, renders.BY_RATE)
        words = processes.zoomdream("check", str(written(chosen)))
        text = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        promised = re.search(r"about ([\d.e+-]+) s per frame", text)
        assert promised, text
        true = renders.timed(chosen, setting.clock)
        expected = float(promised[1])
        rows[f"{network}, {size[0]}x{size[1]}"] = {
            "check, s per frame": expected,
            "true": true.per_frame,
            "after 5 frames, s left": true.expected,
            "truly left": true.left,
        }
        say(f"  {network}: {expected} s per frame foretold, {true.per_frame:.3f} s true")
        found.at_most(f"{network}: check off the truth", abs(expected / true.per_frame - 1), OFF_THE_TRUTH)
        found.at_most(f"{network}: ETA after 5 frames off the truth", abs(true.expected / true.left - 1), OFF_THE_TRUTH)
