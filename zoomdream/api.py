"""What Python users import: a config with what its clip decides, a render, its frames as tensors, a dreamt picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoomdream import config as configs
from zoomdream.config import ClipFacts, Config, NoiseSource, load
from zoomdream.config.checks import neighbor_problem
from zoomdream.config.defaults import DEFAULT_OUTPUT
from zoomdream.config.fields import LARGEST_EDGE, SMALLEST_EDGE
from zoomdream.config.origin import Place
from zoomdream.config.read_yaml import Tree
from zoomdream.config.schema_source import Footage, Still
from zoomdream.config.signals import Signals
from zoomdream.errors import ConfigError, InputError, OutputError
from zoomdream.machine.files import write_whole, writing

if TYPE_CHECKING:
    from torch import Tensor

    from zoomdream.rendering import Observer, Progress
    from zoomdream.source.given import Given


def load_config(
    source: Path | str | Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    output: Path | str | None = None,
    looking: Callable[[int], None] | None = None,
    allow_code: bool = False,
) -> Config:
    """The config of a YAML file (a path), or of a mapping with the same keys.

    overrides: "key.path=value" as after `--set`, in order. output: replaces the config's own, as `--output` does.
    Paths are relative to the YAML file, those of overrides and mappings to the working directory. A clip is decoded
    once, because it decides about size, rate and length where they are left out; meanwhile `looking` hears how many of
    its frames have been seen. allow_code: whether `network.python` may run the code that it names.

    Raises ConfigError, whose text names file, line, key, value, what is allowed and the nearest name (up to ten
    problems, one per line), and InputError for a clip that is missing, broken or of the wrong kind.
    """
    facts = partial(clip_facts, looking=looking)
    config = configs.load_config(source, overrides, output=output, clip_facts=facts, listen=listen)
    return _with_neighbors(config if allow_code else _without_code(config))


def load_tree(tree: Tree, root: Place, overrides: Sequence[str]) -> Config:
    """The config of values that are read already, with the places that they stand at; the rest as in `load_config`."""
    config = load.load_tree(tree, root, overrides, None, DEFAULT_OUTPUT, clip_facts, listen)
    return _with_neighbors(_without_code(config))


def load_config_text(text: str, name: str = "the config", folder: Path | None = None) -> Config:
    """The config of a YAML text, such as one read from a video. Raises ConfigError and InputError.

    Relative paths in it are relative to `folder`, else to the working directory; errors call it `name`.
    """
    config = configs.load_config_text(text, name, folder, clip_facts=clip_facts, listen=listen)
    return _with_neighbors(_without_code(config))


_MOST_FILMS = 50  # that lead into each other


def _with_neighbors(config: Config, chain: tuple[Path, ...] = ()) -> Config:
    """The config with those of the renders that `start` and `end` name. Raises ConfigError and InputError."""
    config = config.placed(replace(config.origin, follow=_with_neighbors))
    found: list[Config | None] = []
    for key, path in (("start", config.start), ("end", config.end)):
        if path is None:
            found.append(None)
            continue
        with config.error_context(key):
            if path in chain:
                names = " follows ".join(one.name for one in (*chain[chain.index(path) :], path))
                raise ConfigError(f"this goes in a circle: {names}.")
            if len(chain) == _MOST_FILMS:  # each is opened, and dreamed, for the one after it
                raise ConfigError(f"{_MOST_FILMS} films lead up to it already. Allowed: fewer.")
            other = _with_neighbors(_without_code(_read_config(path)), (*chain, path))
            if problem := neighbor_problem(config, key, other):
                raise ConfigError(f"{path.name}: {problem}")
            found.append(other)
    return config if found == [None, None] else config.between(*found)


def _read_config(path: Path) -> Config:
    """The config in a YAML file, or of the render that made a video."""
    if path.suffix.lower() in (".yaml", ".yml"):
        return configs.load_config(path, clip_facts=clip_facts, listen=listen)
    from zoomdream import ffmpeg
    from zoomdream.encode.metadata import read_metadata

    text = read_metadata(ffmpeg.executable(), path).config
    return configs.load_config_text(text, str(path), path.parent, clip_facts=clip_facts, listen=listen)


def _without_code(config: Config) -> Config:
    """The config, if it runs no code of its own. ConfigError if it does."""
    if config.network.python is None:
        return config
    raise ConfigError(
        f"{config.network.python} is code, which can do whatever a program can. If you know it, add --allow-code to "
        "`render` or `check` (in Python: load_config(..., allow_code=True)).",
        key="network.python",
        place=config.place("network.python"),
    )


def clip_facts(footage: Footage | Still, looking: Callable[[int], None] | None = None) -> ClipFacts:
    """Size, rate and length of a clip; a picture is one second long. Raises InputError."""
    if isinstance(footage, Still):
        from zoomdream.source.still import picture_size

        return ClipFacts(picture_size(footage.path), Fraction(1), Fraction(1))
    from zoomdream.source.clip.clip import (
        open_clip,  # brings torch along, which configs without a clip need not wait for
    )

    clip = open_clip(footage, looking)
    return ClipFacts(clip.size, clip.fps, clip.span, grid=clip.grid is not None)


def listen(config: Config, asked: frozenset[str]) -> Signals:
    """The music of a config, as far as it is asked for. Raises ConfigError and InputError."""
    from zoomdream.music import listen  # brings torch along, which configs without music need not wait for

    return listen.listen(config, asked)


_PICTURE = ("source={kind: image, path: the picture that is given}", "size=[64, 64]", "start=", "end=")


def frames(config: Config | Path | str | Mapping[str, Any]) -> Iterator[Tensor]:
    """The frames of a render, one after the other, before encoding: (3, H, W) float32 RGB in [0, 1], on the CPU.
    Transparent parts are over black.

    config: a Config, or what `load_config` takes. Nothing is written.
    Raises ConfigError and InputError, at the first frame.
    """
    from zoomdream import assembly, pipeline  # brings torch along, which a config need not wait for
    from zoomdream.color.alpha import over_black
    from zoomdream.rendering.plan import make_plan

    chosen = config if isinstance(config, Config) else load_config(config)
    with chosen.error_context():
        stages = assembly.open_stages(chosen, make_plan(chosen))
    width, height = chosen.size
    try:
        for state in pipeline.frames(stages, None, chosen.frames):
            shown = over_black(state.shown((height, width)))
            yield shown[0].clamp(0, 1).cpu()  # a warp that is not dreamt on may overshoot
    finally:
        stages.close()


def render(
    config: Config | Path | str | Mapping[str, Any],
    *,
    output: Path | str | None = None,
    restart: bool = False,
    progress: Callable[[Progress], None] | bool = False,
    observer: Observer | None = None,
) -> Path:
    """Make the video of a config, or go on with a stopped render of it, and return the finished path.

    config: a Config, or what `load_config` takes. output: replaces the config's own. A finished output of the same
    config is kept; with `restart`, whatever is there is rendered anew and replaced at the end. progress: True shows one
    line that changes in place, also in a notebook; a function (`print` will do) is called after each frame, in this
    thread. observer: sees the pictures too. Raises ConfigError, InputError, OutputError, and RenderInterrupted on
    Ctrl-C or SIGTERM; finished segments are kept then.
    """
    from zoomdream import rendering  # brings torch along, which a config need not wait for

    chosen = config if isinstance(config, Config) else load_config(config, output=output)
    if output is not None and chosen is config:
        chosen = chosen.replace(output=output)
    report = rendering.in_place if progress is True else progress or None
    return rendering.render(chosen, restart=restart, progress=report, observer=observer)


def save(picture: Given, path: Path | str) -> Path:
    """Write a frame, or all else that `dream` takes, into a picture file, whose ending says of which kind; 8 bits per
    channel. Returns its path. Raises OutputError, and ConfigError for what is no picture.
    """
    import io

    from PIL import Image

    from zoomdream.source.given import as_pil

    kind = Image.registered_extensions().get(Path(path).suffix.lower())
    if kind not in Image.SAVE:
        raise OutputError(
            f"{path}: no picture has this ending. Allowed: .png .jpg .webp .tif .bmp, and others of Pillow's."
        )
    shown, data = as_pil(picture), io.BytesIO()
    try:
        shown.save(data, kind, quality=95)
    except (OSError, ValueError) as error:  # a kind that Pillow only reads, or without transparency or a palette
        raise OutputError(f"{path}: Pillow writes no such picture from one in mode {shown.mode}: {error}.") from None
    with writing(path):
        write_whole(Path(path), data.getvalue())
    return Path(path)


def dream(image: Given, config: Config | Path | str | Mapping[str, Any] | None = None, *, times: int = 10) -> Any:
    """One picture, dreamt on `times` times in place, without a camera. Its own light and colour are held.

    image: the path of a picture, a PIL picture, an array (H, W, 3) of bytes or of floats in [0, 1], or a tensor
    (3, H, W) or (1, 3, H, W) of floats in [0, 1]; edges of 16 to 16384 pixels. The result is a picture of the same
    kind, for a path a PIL picture; a tensor is float32, on the CPU. config: a Config, or what `load_config` takes; its
    network, objective, dream, color.hold, seed and performance count, its size, source, camera and color.reference do
    not. What it leaves out is as for a render that begins with a picture; a Config has been filled in for its own
    source already. Raises ConfigError and InputError.
    """
    from contextlib import closing

    from zoomdream import assembly, pipeline
    from zoomdream.rendering.plan import make_plan
    from zoomdream.source.given import as_tensor, like
    from zoomdream.stages import ZoomStages

    chosen = config if isinstance(config, Config) else load_config({} if config is None else config, _PICTURE)
    batch = as_tensor(image)
    height, width = batch.shape[-2:]
    if min(height, width) < SMALLEST_EDGE or max(height, width) > LARGEST_EDGE:
        allowed = f"{SMALLEST_EDGE} to {LARGEST_EDGE} pixels"
        raise ConfigError(f"dream takes pictures with edges of {allowed}, not {width}x{height}")
    if not bool(batch.isfinite().all()):
        raise InputError("dream takes a picture of numbers from 0 to 1; in this one some are NaN or infinite")
    plane = chosen.camera.model_copy(update={"space": "plane"})
    source = NoiseSource(kind="noise")
    change = {"size": (width, height), "source": source, "camera": plane, "start": None, "end": None}
    alone = chosen.model_copy(update=change).between(None, None)
    with alone.error_context():
        planned = make_plan(alone)
    picture = batch.to(planned.device).clamp(0, 1)
    with closing(assembly.open_stages(alone, planned, reference=picture)) as stages:
        assert isinstance(stages, ZoomStages)
        for frame in range(-times, 0):
            picture = pipeline.dream_on_zoom(picture, stages, frame)
    return like(image, picture.clamp(0, 1).cpu())
