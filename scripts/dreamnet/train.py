"""Trains zoomdream's embedded network from a BVLC GoogLeNet file and a folder of photos.

    python scripts/train_dreamnet.py --teacher bvlc_googlenet.pth --photos PHOTOS --out build/dreamnet --minutes 70

Writes to --out: log.csv, checks.csv (explained variance on held-out photos), checkpoint.pt (for --resume) and
dreamnet.safetensors, both refreshed every --snapshot-minutes; --export names a second place for the latter.
The recipe is told in docs/dreamnet.md.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import time
from collections.abc import Iterable
from pathlib import Path

import torch
from dreamnet.dreams import DreamPool
from dreamnet.export import in_units, out_of_units, write
from dreamnet.inheriting import inherit
from dreamnet.learning import (
    Average,
    channel_rms,
    explained_variance,
    gradient_loss,
    loss_of,
    seen_by,
)
from dreamnet.pictures import fresh, photo_crop, pick, read_photos
from torch import Tensor, nn

from zoomdream.networks import googlenet
from zoomdream.networks.dreamnet import EVERYTHING, NAMES, DreamNet
from zoomdream.networks.dreamnet_file import read

RECIPE = (
    "activations (3a to 5b, logits) of BVLC GoogLeNet; Caltech-101 photos (CC BY 4.0), procedural pictures, dreams of "
    "student and teacher; scripts/train_dreamnet.py"
)
LICENCE = "MIT; taught by BVLC GoogLeNet (released for unrestricted use) on Caltech-101 (CC BY 4.0)"
# Whose directions are compared, in turn by chance; those that people dream with come more often.
GRADIENTS = ("mixed3b", "mixed3b", "mixed3b", "mixed4a", *3 * ["mixed4c"], *4 * ["mixed4d"], "mixed4e")
# Pictures of a step: side in pixels, fresh ones, dreams, size of the pool of dreams. Every fourth step is a large one.
SMALL, LARGE = (112, 22, 12, 384), (208, 7, 4, 96)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True, help="folder")
    parser.add_argument("--pattern", default="caltech101_*", help="which files in it")
    parser.add_argument("--out", type=Path, required=True, help="folder")
    parser.add_argument("--export", type=Path, help="a second place for each snapshot")
    parser.add_argument("--minutes", type=float, help="length of the schedule in time")
    parser.add_argument("--steps", type=int, help="or in steps")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--gradients", type=int, default=12, help="small pictures whose directions are compared")
    parser.add_argument("--gradient-layers", nargs="+", choices=NAMES, default=GRADIENTS, metavar="LAYER")
    parser.add_argument("--gradient-share", type=float, default=1.0, help="of their loss")
    parser.add_argument("--snapshot-minutes", type=float, default=10)
    parser.add_argument("--checkpoint", type=Path, help="default: OUT/checkpoint.pt")
    parser.add_argument("--begin", type=Path, help="weights to begin with, instead of inheriting the teacher's")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint")
    found = parser.parse_args()
    if (found.minutes is None) == (found.steps is None):
        parser.error("give either --minutes or --steps")
    return found


class Training:
    """All that a run consists of. `elapsed` is seconds, over resumes too; the schedule follows the elapsed share."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.device = options, torch.device(options.device)
        self.step, self.elapsed = 0, 0.0
        torch.manual_seed(options.seed)
        self.generator = torch.Generator().manual_seed(options.seed)
        paths = sorted(options.photos.glob(options.pattern))
        if len(paths) < 100:
            raise SystemExit(
                f"{options.photos} has {len(paths)} files {options.pattern}: at least 100 photos are needed"
            )
        held_out = paths[:: len(paths) // 48][:48]
        self.photos = read_photos([path for path in paths if path not in set(held_out)])
        self.check = torch.stack([photo_crop(p, 208, self.generator) for p in read_photos(held_out)]).to(self.device)
        self.teacher = googlenet.load(options.teacher).to(self.device)
        self.student = DreamNet()
        sample = torch.stack([photo_crop(p, 160, self.generator) for p in self.photos[::8]]).to(self.device)
        self.rms = channel_rms(self.teacher, sample)
        if options.begin is not None:
            out_of_units(read(options.begin)[0], self.rms, self.student)
        elif not options.resume:
            pictures = torch.stack([fresh(self.photos, 160, self.generator, 0.85) for _ in range(400)])
            inherit(self.student, self.teacher.cpu().model, {name: r.cpu() for name, r in self.rms.items()}, pictures)
        self.student.to(self.device, memory_format=torch.channels_last)
        self.teacher.to(self.device).bfloat16()
        self.average = Average(self.student)
        decayed = [p for p in self.student.parameters() if p.ndim > 1]
        others = [p for p in self.student.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": 0.02}, {"params": others, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=options.rate, betas=(0.9, 0.99))
        self.pools = {size: DreamPool(self.photos, size, count, self.generator) for size, _, _, count in (SMALL, LARGE)}

    @property
    def progress(self) -> float:
        if self.options.steps is not None:
            return self.step / self.options.steps
        return self.elapsed / (60 * self.options.minutes)

    def look(self, picture: Tensor, wanted: frozenset[str]) -> dict[str, Tensor]:
        """The student's activations in the teacher's units; the pool dreams with these."""
        with torch.autocast(self.device.type, torch.bfloat16):
            found = seen_by(self.student)(picture, wanted)
        return {name: found[name].float() * self.rms[name].view(1, -1, 1, 1) for name in wanted}

    def learn(self) -> dict[str, float]:
        """One step: rate by the elapsed share, loss on fresh pictures and dreams, then these dreams climb."""
        rate = (
            self.options.rate
            * min(1, (self.step + 1) / 200)
            * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * self.progress)))
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        size, new, dreamed, _ = LARGE if self.step % 4 == 3 else SMALL
        places, dreams = self.pools[size].draw(dreamed)
        news = torch.stack([fresh(self.photos, size, self.generator) for _ in range(new)])
        pictures = torch.cat([news, dreams]).to(self.device)
        with torch.no_grad():
            target = self.teacher(pictures, EVERYTHING)
        with torch.autocast(self.device.type, torch.bfloat16):
            found = seen_by(self.student)(pictures, EVERYTHING)
        loss = loss_of(found, target, self.rms)
        direction = torch.zeros((), device=self.device)
        if self.step % 2 == 0 or size == LARGE[0]:
            count = self.options.gradients * SMALL[0] ** 2 // size**2
            few = torch.randperm(len(pictures), generator=self.generator)[:count]
            layers = self.options.gradient_layers
            layer = layers[pick(len(layers), self.generator)]
            direction = gradient_loss(self.look, self.teacher, pictures[few], layer)
            loss = loss + self.options.gradient_share * direction
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.student.parameters(), 3.0)
        if torch.isfinite(norm):
            self.optimizer.step()
            with torch.no_grad():
                self.student.gain.weight.clamp_(min=0)
                self.student.balance.weight.clamp_(min=0)
            self.average.update(self.student)
        self.pools[size].climb(places, dreams.to(self.device), self.look, self.teacher)
        self.step += 1
        return {
            "step": self.step,
            "minutes": self.elapsed / 60,
            "rate": rate,
            "size": size,
            "loss": loss.item(),
            "norm": norm.item(),
            "direction": direction.item(),
        }

    def snapshot(self) -> None:
        metadata = {
            "format": "dreamnet 1",
            "recipe": RECIPE,
            "licence": LICENCE,
            "run": f"{self.step} steps, {self.elapsed / 60:.0f} minutes, {self.device.type}, seed {self.options.seed}",
            "torch": torch.__version__,
        }
        network = in_units(self.average.network, self.rms)
        for path in filter(None, (self.options.out / "dreamnet.safetensors", self.options.export)):
            write(network, path, metadata)

    def save(self, path: Path) -> None:
        state = {
            "step": self.step,
            "elapsed": self.elapsed,
            "student": self.student.state_dict(),
            "average": self.average.network.state_dict(),
            "average_steps": self.average.steps,
            "optimizer": self.optimizer.state_dict(),
            "pools": {size: (pool.pictures * 255).round().byte() for size, pool in self.pools.items()},
            "generator": self.generator.get_state(),
            "rms": self.rms,
        }
        partial = path.with_name(path.name + ".partial")
        torch.save(state, partial)
        os.replace(partial, path)

    def resume(self, path: Path) -> None:
        state = torch.load(path, map_location="cpu", weights_only=True)
        self.step, self.elapsed, self.average.steps = state["step"], state["elapsed"], state["average_steps"]
        self.student.load_state_dict(state["student"])
        self.average.network.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.rms = {name: value.to(self.device) for name, value in state["rms"].items()}
        for size, pool in self.pools.items():
            pool.pictures = state["pools"][size].float() / 255
        self.generator.set_state(state["generator"])


def append(path: Path, rows: Iterable[dict[str, float]]) -> None:
    rows = [{key: f"{value:.5g}" if isinstance(value, float) else value for key, value in row.items()} for row in rows]
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    options = arguments()
    if options.threads:
        torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    checkpoint = options.checkpoint or options.out / "checkpoint.pt"
    training = Training(options)
    if options.resume and checkpoint.exists():
        training.resume(checkpoint)
    print(f"{len(training.photos)} photos, from step {training.step}", flush=True)
    since_check = since_snapshot = 0.0
    rows: list[dict[str, float]] = []
    while training.progress < 1:
        begin = time.perf_counter()
        rows.append(training.learn())
        if since_check > 150 or training.step == 20:
            shares = explained_variance(
                seen_by(training.average.network), training.teacher, training.rms, training.check
            )
            mean = {key: sum(row[key] for row in rows) / len(rows) for key in ("loss", "norm", "rate", "direction")}
            check = {"step": training.step, "minutes": training.elapsed / 60, **mean, **shares}
            append(options.out / "checks.csv", [check])
            append(options.out / "log.csv", rows[:: max(1, len(rows) // 20)])
            print(" ".join(f"{key.removeprefix('mixed')} {value:.3g}" for key, value in check.items()), flush=True)
            rows, since_check = [], 0.0
        if since_snapshot > 60 * options.snapshot_minutes:
            training.save(checkpoint)
            training.snapshot()
            since_snapshot = 0.0
        spent = time.perf_counter() - begin
        training.elapsed += spent
        since_check += spent
        since_snapshot += spent
    training.save(checkpoint)
    training.snapshot()
    shares = explained_variance(seen_by(training.average.network), training.teacher, training.rms, training.check)
    print("end", training.step, " ".join(f"{key} {value:.3f}" for key, value in shares.items()), flush=True)
