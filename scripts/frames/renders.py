"""The renders whose frames same_frames.py compares: every ready config and the ways of rendering, all small."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
PLAIN = (
    "performance.device=cpu",
    "performance.precision=float32",
    "performance.threads=1",
    "size=[96,64]",
    "dream.warmup=2",
)
LOSSLESS = ("encode.crf=0", "encode.pixel_format=yuv444p", "encode.preset=ultrafast")
TILES = ("size=[320,192]", "performance.tile=256", "frames=3", "dream.warmup=1", "dream.steps=1", *LOSSLESS)
FRAMES = 34  # one segment of 30 and the beginning of the next

# Ready configs whose keyframes lie seconds apart are rendered at few frames a second, so that the frames reach them.
OWN = {
    "photo_zoom": ("fps=3", "dream.warmup=0"),
    "spiral": ("fps=4",),
    "tiny": ("size=[64,48]", "frames=12"),
}


@dataclass(frozen=True)
class Render:
    """One render: a config below `configs/`, what is set in it, and how it is made.

    how: "render"; "killed", with SIGKILL after the first segment, and started again; "batch", two workers; or "python".
    """

    name: str
    config: str
    sets: tuple[str, ...] = ()
    output: str | None = "out.mp4"
    how: str = "render"

    def command(self, checkout: Path) -> list[str]:
        """What is typed after `zoomdream`."""
        command = ["batch", "--jobs", "2"] if self.how == "batch" else ["render"]
        command += [str(checkout / "configs" / self.config), "--quiet"]
        for pair in (*PLAIN, *self.sets, *(() if self.output is None else (f"output={self.output}",))):
            command += ["--set", pair]
        return command


def renders(configs: Path, inputs: Path, assets: Path | None) -> Iterator[Render]:
    """All that is rendered. `inputs` has the pictures and clips that `make_inputs` makes."""
    frames = (f"frames={FRAMES}", *LOSSLESS)
    for path in sorted(configs.glob("*.yaml")):
        if path.stem != "clip_raft" or list(Path.home().glob(".cache/torch/hub/checkpoints/raft_small*")):
            yield Render(path.stem, path.name, (*frames, *OWN.get(path.stem, ())))
    for path in sorted(configs.glob("batch/*.yaml")):
        yield Render(
            f"batch/{path.stem}", f"batch/{path.name}", ("frames=3", "dream.warmup=1", *LOSSLESS), None, "batch"
        )
    yield from _zooms(frames, inputs)
    yield from _clips(frames, inputs)
    yield from _dreams()
    if assets is not None:
        yield from _networks(assets / "weights")


def _zooms(frames: tuple[str, ...], inputs: Path) -> Iterator[Render]:
    zoom, few = "endless_zoom.yaml", ("frames=5", *LOSSLESS)
    yield Render("zoom, killed and resumed", zoom, frames, how="killed")
    yield Render("zoom, as delivered", zoom, ("frames=5",))
    yield Render("zoom, every 2", zoom, (*frames, "dream.every=2"))
    yield Render("zoom, every 3, killed and resumed", zoom, (*frames, "dream.every=3"), how="killed")
    yield Render("zoom out, killed and resumed", "zoom_out.yaml", frames, how="killed")
    yield Render("zoom out, every 2, wrapped", "zoom_out.yaml", (*few, "dream.every=2", "camera.border=wrap"))
    yield Render("zoom of a mask", zoom, (*few, f"dream.mask={inputs / 'mask.png'}"))
    yield Render("zoom in tiles", zoom, TILES)
    yield Render("zoom in 10 bit", zoom, ("frames=3", "encode.codec=h265", "encode.pixel_format=yuv420p10le"))
    moved = ("frames=5", "camera.pan=[0.3, 0.2]", "camera.border=replicate")
    yield Render("zoom moved and replicated, ffv1", zoom, moved, "out.mkv")
    for name, output in (("gif", "out.gif"), ("webp", "out.webp"), ("numbered pictures", "pictures/%05d.png")):
        yield Render(name, zoom, ("frames=3",), output)
    yield Render("still", "class_banana.yaml", ("frames=5",), "out.png")
    yield Render("from Python", zoom, output=None, how="python")


def _clips(frames: tuple[str, ...], inputs: Path) -> Iterator[Render]:
    clip, few = "clip.yaml", ("frames=5", *LOSSLESS)
    three = (f"source.path={inputs / 'cuts.mkv'}", "dream.steps=1", *LOSSLESS)
    cuts = (*three, "flow.cuts=[0.5, 1.3]")
    yield Render("clip, killed and resumed", clip, frames, how="killed")
    yield Render("clip, as delivered", clip, ("source.start=4.5s",))
    yield Render("clip, every 2", clip, ("frames=9", *LOSSLESS, "dream.every=2"))
    yield Render("clip, moving camera", clip, (*few, "camera.zoom=1.5", "camera.rotate=20", "camera.pan=[0.2, 0]"))
    yield Render("clip, farneback", clip, (*few, "flow.method=farneback", "dream.variety=0.8", "dream.noise=0.01"))
    yield Render("clip, no flow", clip, (*few, "flow.method=none", "color.hold=0.5"))
    yield Render("clip, mask", clip, (*few, f"dream.mask={inputs / 'mask.png'}"))
    yield Render("clip in tiles", clip, TILES)
    yield Render("clip, odd and rotated", clip, ("size=null", f"source.path={inputs / 'odd.mkv'}", *LOSSLESS))
    yield Render("clip, its own cuts", clip, cuts)
    yield Render("clip, shots side by side", clip, cuts, how="batch")
    yield Render("clip, cuts found, bars", clip, (*three, "source.fit=fit"))


def _dreams() -> Iterator[Render]:
    zoom, few = "endless_zoom.yaml", ("frames=3", *LOSSLESS)
    picture = "$CONFIGS/landscape.jpg"
    yield Render("guide", zoom, (*few, f"objective=[{{layer: mixed3b, guide: '{picture}'}}, {{layer: mixed4b}}]"))
    channels = f"objective=[{{layer: mixed3b, guide: '{picture}', match: channels}}]"
    yield Render("guide, by channels", zoom, (*few, channels))
    yield Render("Fourier", zoom, (*few, "dream.parameters=fourier"))
    yield Render("phase", "class_banana.yaml", (*few, "dream.parameters=phase"))
    yield Render(
        "regularisers", zoom, (*few, "dream.smooth=0.2", "dream.decay=0.05", "dream.blur=0.5", "dream.turn=15")
    )
    yield Render("normalised by std", zoom, (*few, "dream.normalize=std", "dream.steps=[1,2,3]", "dream.diversity=0"))
    terms = (
        "{layer: mixed4c, channels: [3, 10-20]}, {layer: mixed4a, pick: strongest 5}, {layer: mixed4b, weight: -0.5}"
    )
    yield Render("channels", zoom, (*few, f"objective=[{terms}]"))
    yield Render("at a place", zoom, (*few, "objective=[{layer: mixed4c, at: [0.3, 0.6]}]"))
    yield Render("layer and class", zoom, (*few, "objective=[{layer: mixed4c}, {class: [macaw, castle]}]"))
    yield Render("class in tiles", "class_banana.yaml", TILES)


def _networks(weights: Path) -> Iterator[Render]:
    for name, network, file, term in (
        ("GoogLeNet", "googlenet", "bvlc_googlenet_caffe.pth", "layer: mixed4c"),
        ("GoogLeNet, class", "googlenet", "bvlc_googlenet_caffe.pth", "class: banana"),
        ("SqueezeNet", "torchvision/squeezenet1_1", "squeezenet1_1_torchvision_layout.pth", "layer: features.9"),
    ):
        sets = (f"network={{name: {network}, weights: '{weights / file}'}}", f"objective=[{{{term}}}]")
        yield Render(name, "endless_zoom.yaml", ("frames=3", *LOSSLESS, *sets))


def make_inputs(folder: Path) -> None:
    """A mask, a clip of three shots with sound, and one of odd size that has to be rotated; made once."""
    if (folder / "odd.mkv").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    shots = "testsrc2=160x96:25:d=0.5[a];mandelbrot=160x96:25,trim=end=0.8,negate[b];testsrc=160x96:25:d=0.5[c];"
    joined = shots + "[a][b][c]concat=n=3,format=yuv420p"
    sound = ("-f", "lavfi", "-i", "sine=330:duration=1.8")
    ffmpeg("-f", "lavfi", "-i", "gradients=200x120:c0=black:c1=white:seed=1", "-frames:v", "1", folder / "mask.png")
    ffmpeg(*sound, "-filter_complex", joined, "-c:v", "ffv1", "-c:a", "flac", folder / "cuts.mkv")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=90x131:r=30000/1001:d=0.2", "-c:v", "mpeg4", folder / "upright.mp4")
    ffmpeg("-display_rotation", "90", "-i", folder / "upright.mp4", "-c", "copy", folder / "odd.mkv")


def ffmpeg(*arguments: str | Path) -> str:
    """What ffmpeg prints. Raises CalledProcessError."""
    command = [FFMPEG, "-nostdin", "-loglevel", "error", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
