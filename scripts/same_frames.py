"""Do two versions of zoomdream make the same frames? Renders with both, small, and compares what ffmpeg decodes.

    python scripts/same_frames.py BEFORE AFTER --cache /tmp/frames

BEFORE and AFTER are checkouts. Every ready config and the variants in frames/renders.py are rendered by each, in
processes of their own, on the CPU in float32 with one thread. BEFORE's checksums stay in the cache, so that the next
run renders AFTER only. Exits 1 if frames differ. GoogLeNet and SqueezeNet are compared where ZOOMDREAM_ASSETS names the
folder of their weights, RAFT where torchvision has fetched its own.
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path

from frames import checkout
from frames.renders import Render, make_inputs, renders

Result = dict[str, list[str] | str]  # "frames": checksums, or "error": what the render said


def results(place: Path, chosen: Sequence[Render], folder: Path, jobs: int) -> Iterator[tuple[Render, Result]]:
    """What a checkout makes of them, each as it is done. Those whose file is in the folder are not done again."""
    commit = subprocess.run(["git", "-C", place, "rev-parse", "HEAD"], capture_output=True, text=True).stdout
    files = {}
    for render in chosen:
        key = hashlib.sha256(f"{render} {commit} {place}".encode()).hexdigest()[:16]
        files[folder / f"{key}.json"] = render
    missing = [path for path in files if not path.exists()]
    for path in files.keys() - missing:
        yield files[path], json.loads(path.read_text())
    if not missing:
        return
    tasks = [{"render": asdict(files[path]), "result": str(path)} for path in missing]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {
        "PYTHONPATH": str(place),
        "OMP_NUM_THREADS": "1",
        "ZOOMDREAM_OFFLINE": "1",
    }
    command = [sys.executable, "-P", checkout.__file__, str(place), str(jobs)]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as side:
        assert side.stdin is not None
        assert side.stdout is not None
        side.stdin.write(json.dumps(tasks))
        side.stdin.close()
        for line in side.stdout:
            path = Path(line.strip())
            yield files[path], json.loads(path.read_text())
            if "error" in json.loads(path.read_text()):
                path.unlink()  # next time it is tried again
    if side.returncode:
        raise SystemExit(f"rendering with {place} failed")


def compared(name: str, before: Result, after: Result) -> dict[str, object]:
    """The row of a render: how many frames, whether equal, the first that differs, what went wrong."""
    for side, result in (("BEFORE", before), ("AFTER", after)):
        if "error" in result:
            return {"render": name, "frames": 0, "equal": False, "first": None, "note": f"{side}: {result['error']}"}
    old, new = before["frames"], after["frames"]
    count = sum(not checksum.startswith("sound") for checksum in new)
    first = next((index for index, (a, b) in enumerate(zip_longest(old, new)) if a != b), None)
    note = "" if first is None else "in the sound" if first >= count else f"{len(old)} checksums before"
    return {"render": name, "frames": count, "equal": first is None and count > 0, "first": first, "note": note}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, metavar="BEFORE", help="a checkout of zoomdream")
    parser.add_argument("after", type=Path, metavar="AFTER", help="another")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="keeps BEFORE's checksums and the inputs")
    parser.add_argument("--only", metavar="PATTERN", default="*", help="only the renders of that name: 'clip*'")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="renders at once (default: 2)")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the table there")
    arguments = parser.parse_args()
    places = arguments.before.resolve(), arguments.after.resolve()
    assets = os.environ.get("ZOOMDREAM_ASSETS")
    rows = []
    with tempfile.TemporaryDirectory(prefix="same_frames_") as temporary:
        cache = (arguments.cache or Path(temporary) / "before").resolve()
        make_inputs(cache / "inputs")
        every = renders(places[0] / "configs", cache / "inputs", Path(assets).resolve() if assets else None)
        chosen = [render for render in every if fnmatch.fnmatchcase(render.name, arguments.only)]
        before = {render.name: result for render, result in results(places[0], chosen, cache, arguments.jobs)}
        print("| render | frames | equal | first that differs | |\n|---|--:|---|--:|---|", flush=True)
        for render, after in results(places[1], chosen, Path(temporary), arguments.jobs):
            row = compared(render.name, before[render.name], after)
            rows.append(row | {"seconds": after.get("seconds")})
            first = "" if row["first"] is None else row["first"]
            equal = "yes" if row["equal"] else "NO"
            print(f"| {render.name} | {row['frames']} | {equal} | {first} | {row['note']} |", flush=True)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(rows, indent=2))
    same = sum(bool(row["equal"]) for row in rows)
    print(f"\n{same} of {len(rows)} renders have the same frames.")
    return 0 if rows and same == len(rows) == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
