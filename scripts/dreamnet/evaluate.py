"""How close the embedded network comes to its teacher, on photos that training never saw and on fresh dreams.

    python scripts/evaluate_dreamnet.py --teacher bvlc_googlenet.pth --photos FOLDER/bsds_* --out build/dreamnet_eval

Writes result.json and, for a start from noise and from a photo, sheet_noise.png and sheet_photo.png (rows: layers;
columns: student, then teacher, at the frames asked for) to --out. The sizes stand for octaves.
Explained variance is 1 - squared error / variance about each channel's mean, activations divided by the channel's RMS
over the same pictures. Costs are seconds of a gradient step over torchvision's GoogLeNet at the same layer, in one run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from bench.speed import floor
from bench.speed.timing import Clock, repeated, take_turns
from bench.speed.weights import random_torchvision
from dreamnet.dreams import Look, gradient_of_energy, laplacian_normalize
from dreamnet.learning import channel_rms, explained_variance
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

import zoomdream
from zoomdream.color.pyramid import fill
from zoomdream.config import Config
from zoomdream.networks import dreamnet, dreamnet_file, googlenet
from zoomdream.networks.dreamnet import LOGITS, NAMES
from zoomdream.source.picture import read_image

DREAMT = ["mixed3b", "mixed4a", "mixed4c", "mixed4d", "mixed4e", "mixed5b"]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--weights", type=Path, help="default: the embedded ones")
    parser.add_argument("--photos", type=Path, nargs="+", required=True, help="files")
    parser.add_argument("--out", type=Path, required=True, help="folder")
    parser.add_argument("--sizes", type=int, nargs="+", default=[224, 320], help="side of the squares, pixels")
    parser.add_argument("--parts", nargs="+", default=["variance", "gradients", "logits", "dreams", "cost"])
    parser.add_argument("--layers", nargs="+", default=DREAMT, help="to dream with")
    parser.add_argument("--frames", type=int, nargs="+", default=[0, 29, 99], help="frames on the sheet")
    parser.add_argument("--judged", type=int, default=59, help="the frame whose energy is measured")
    parser.add_argument("--dream-size", type=int, nargs=2, default=[256, 144], help="width and height, pixels")
    parser.add_argument(
        "--starts", type=int, default=3, help="of zooms of each kind: seeds of noise, first of --photos"
    )
    parser.add_argument("--threads", type=int, default=0)
    return parser.parse_args()


class InUnits(nn.Module):
    """The student divided by each channel's RMS, as `explained_variance` expects it."""

    def __init__(self, student: nn.Module, rms: dict[str, Tensor]) -> None:
        super().__init__()
        self.student, self.rms = student, rms

    def forward(self, picture: Tensor, wanted: frozenset[str]) -> dict[str, Tensor]:
        found = self.student(picture, wanted)
        return {
            name: found[name] / self.rms[name].view(1, -1, 1, 1) if name in self.rms else found[name] for name in wanted
        }


def variance(student: nn.Module, teacher: Look, pictures: Tensor) -> dict[str, float]:
    rms = channel_rms(teacher, pictures)
    return explained_variance(InUnits(student, rms), teacher, rms, pictures)


def gradient_cosine(student: Look, teacher: Look, pictures: Tensor, layers: Sequence[str]) -> dict[str, float]:
    """Cosine of the Laplacian-normalised gradients of the layer's energy, mean over the pictures."""
    result: dict[str, float] = {}
    for layer in layers:
        cosines = []
        for part in pictures.split(4):
            mine, theirs = (laplacian_normalize(gradient_of_energy(look, part, layer)) for look in (student, teacher))
            cosines.append(functional.cosine_similarity(mine.flatten(1), theirs.flatten(1)))
        result[layer] = torch.cat(cosines).mean().item()
    return result


@torch.no_grad()
def logits_agreement(student: nn.Module, teacher: Look, pictures: Tensor) -> dict[str, float]:
    """How often the student's first class is the teacher's, and how often one's first is among the other's five."""
    mine, theirs = (
        torch.cat([look(part, frozenset({LOGITS}))[LOGITS] for part in pictures.split(8)])
        for look in (student, teacher)
    )
    first_mine, first_theirs = mine.argmax(dim=1), theirs.argmax(dim=1)
    return {
        "first is the teacher's first": (first_mine == first_theirs).float().mean().item(),
        "teacher's first among five": (mine.topk(5).indices == first_theirs[:, None]).any(dim=1).float().mean().item(),
        "first among the teacher's five": (theirs.topk(5).indices == first_mine[:, None])
        .any(dim=1)
        .float()
        .mean()
        .item(),
    }


def energy(look: Look, picture: Tensor, layer: str) -> float:
    with torch.no_grad():
        return look(picture, frozenset({layer}))[layer].square().mean().item()


def starts(options: argparse.Namespace) -> dict[str, list[dict[str, object]]]:
    """What the zooms begin with, as keys of a config: noise of several seeds, and photos."""
    photos = [{"source": {"kind": "image", "path": str(path.absolute())}} for path in options.photos[: options.starts]]
    return {"noise": [{"seed": 1 + place} for place in range(options.starts)], "photo": photos}


def zoom(options: argparse.Namespace, network: str, layer: str, start: dict[str, object], **dream: int) -> Config:
    """A plain zoom: 1.5 percent closer with each frame, every channel for itself, nothing but the network's taste."""
    weights = {"dreamnet": options.weights, "googlenet": options.teacher}[network]
    plain = {"octaves": 2, "octave_scale": 1.5, "steps": 3, "step_size": 1 / 255, "warmup": 0, "noise": 0.0}
    return zoomdream.load_config(
        {
            "size": options.dream_size,
            "frames": max(*options.frames, options.judged) + 1,
            "network": {"name": network, **({} if weights is None else {"weights": str(weights.absolute())})},
            "objective": [{"layer": layer}],
            "dream": {**plain, "diversity": 0.0, "variety": 0.0, **dream},
            "camera": {"zoom": 1.015**30, "rotate": 3.4},
            **start,
        }
    )


def dreams(
    teacher: Look, begins: Sequence[dict[str, object]], options: argparse.Namespace
) -> tuple[dict[str, dict[str, object]], list[list[Tensor]], list[Tensor]]:
    """For each layer the teacher's energy after the student's zoom over that after its own, mean over the starts and
    each (one alone is off by half by chance); the first start's sheet; and what the teacher dreamt at the judged frame.
    """
    measured: dict[str, dict[str, object]] = {}
    rows: list[list[Tensor]] = []
    dreamt: list[Tensor] = []
    for layer in options.layers:
        row, shares, gains = [], [], []
        for begin in begins:
            reached = {}
            for network in ("dreamnet", "googlenet"):
                for frame, picture in enumerate(zoomdream.frames(zoom(options, network, layer, begin))):
                    if frame in options.frames and begin is begins[0]:
                        row.append(picture[None])
                    if frame == options.judged:
                        reached[network], last = energy(teacher, picture[None], layer), picture[None]
                        if begin is not begins[0]:
                            break
            dreamt.append(last)
            undreamt = next(zoomdream.frames(zoom(options, "dreamnet", layer, begin, steps=0)))
            shares.append(reached["dreamnet"] / reached["googlenet"])
            gains.append(reached["dreamnet"] / energy(teacher, undreamt[None], layer))
        measured[layer] = {
            "of the teacher's own": statistics.fmean(shares),
            "over the start": statistics.fmean(gains),
            "each": [round(share, 3) for share in shares],
        }
        rows.append(row)
        print(layer, rounded(measured[layer]), flush=True)
    return measured, rows, dreamt


def save_sheet(rows: Sequence[Sequence[Tensor]], path: Path) -> None:
    """Pictures (1, 3, H, W) of one size as a table, a white line between them."""
    lines = [torch.cat([functional.pad(cell[0], (2, 2, 2, 2), value=1.0) for cell in row], dim=2) for row in rows]
    sheet = (torch.cat(lines, dim=1).clamp(0, 1) * 255).round().byte().permute(1, 2, 0)
    Image.fromarray(sheet.numpy()).save(path)


def cost(student: nn.Module, layers: Sequence[str]) -> dict[str, dict[str, float]]:
    """Seconds of a gradient step at 640x360 over those of torchvision's network (batch norm folded, channels-last, cut
    at the layer), the best of six of each, taken in turns.
    """
    result: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        weights = random_torchvision(Path(folder) / "torchvision.pth")
        for precision in (torch.float32, torch.bfloat16):
            student.to(precision)
            picture = torch.rand(1, 3, 360, 640).to(precision)
            shares = result[str(precision).removeprefix("torch.")] = {}
            for layer in layers:
                rival = floor.TorchvisionGoogLeNet(weights, precision, last=layer.replace("mixed", "inception"))
                works = {
                    "student": partial(gradient_of_energy, student, picture, layer),
                    "rival": partial(floor.gradient_step, rival, picture.contiguous(memory_format=torch.channels_last)),
                }
                turns = {name: repeated(work, Clock(), 1) for name, work in works.items()}
                taken = take_turns(turns, 6, torch.get_num_threads())
                shares[layer] = min(taken.seconds["student"]) / min(taken.seconds["rival"])
    student.float()
    return result


def rounded(value: object) -> object:
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return round(value, 3) if isinstance(value, float) else value


def main() -> None:
    options = arguments()
    if options.threads:
        torch.set_num_threads(options.threads)
    teacher, student = googlenet.load(options.teacher), dreamnet.load(options.weights)
    result: dict[str, object] = {"weights": dreamnet_file.read(options.weights)[1], "photos": len(options.photos)}
    options.out.mkdir(parents=True, exist_ok=True)
    for size in options.sizes if {"variance", "gradients", "logits"} & set(options.parts) else []:
        pictures = torch.cat([fill(read_image(path), (size, size)) for path in options.photos])
        if "variance" in options.parts:
            result[f"explained variance, {size} px"] = variance(student, teacher, pictures)
        if "gradients" in options.parts:
            result[f"gradient cosine, {size} px"] = gradient_cosine(student, teacher, pictures[:16], NAMES)
        if "logits" in options.parts:
            result[f"logits, {size} px"] = logits_agreement(student, teacher, pictures)
        print(json.dumps(rounded(result), indent=1), flush=True)
    if "dreams" in options.parts:
        fresh_dreams: list[Tensor] = []
        for name, begins in starts(options).items():
            measured, rows, dreamt = dreams(teacher, begins, options)
            result[f"GoogLeNet's energy in dreams from {name}"] = measured
            save_sheet(rows, options.out / f"sheet_{name}.png")
            fresh_dreams += dreamt
        result["explained variance, dreams of the teacher"] = variance(student, teacher, torch.cat(fresh_dreams))
    if "cost" in options.parts:
        result["cost over torchvision's GoogLeNet"] = cost(student, ("mixed3b", "mixed4c", "mixed4e", "mixed5b"))
    text = json.dumps(rounded(result), indent=1)
    print(text)
    (options.out / "result.json").write_text(text + "\n", encoding="utf-8")
