"""What a render shows: dream, camera, flow, color. Here their ranges and defaults are tuned."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from zoomdream.config.fields import FilePath, Real, Seconds, Section, Whole, measured, scheduled, setting
from zoomdream.config.octaves import MOST_OCTAVES
from zoomdream.config.schedule import Limits, Schedule

STEP_SIZE = Limits(0, 0.5, "(1 is the full range of a pixel)", signs="%")
NOISE = Limits(0, 0.5, "(1 is the full range of a pixel)", signs="%")
SHARE = Limits(0, 1, "", signs="%")
ZOOM = Limits(0.05, 20, "times per second", log=True, signs="x")
ROTATE = Limits(-3600, 3600, "degrees per second", signs="deg degrees °")
PAN = Limits(-10, 10, "picture widths or heights per second", signs="%")
PIVOT = Limits(-1, 2, "(0 is left or top, 1 is right or bottom)", signs="%")
HOLD = Limits(0, 1, "per second", signs="%")
TURN = Limits(0, 180, "degrees", signs="deg degrees °")
STRETCH = Limits(0, 0.5, "", signs="%")
BLUR = Limits(0, 10, "pixels", signs="px pixels")
SMOOTH = Limits(0, 1, "", signs="%")
DECAY = Limits(0, 0.5, "", signs="%")
CARRY = Limits(0, 0.99, "", signs="%")

Steps = Annotated[Whole, Field(ge=0, le=200)]


def _in_order(cuts: tuple[Fraction, ...]) -> tuple[Fraction, ...]:
    return tuple(sorted(set(cuts)))


class Dream(Section):
    """How the picture climbs the objective's gradient in each frame."""

    octaves: Literal["auto"] | Annotated[Whole, Field(ge=1, le=MOST_OCTAVES)] = setting(
        "auto",
        "Number of sizes at which each frame is dreamt, counted down from the full size; auto counts up from coarsest "
        "to it, so that a film shows the same things at any size.",
        f"auto or a whole number from 1 to {MOST_OCTAVES}",
        example=4,
    )
    coarsest: Annotated[Real, measured("px pixels")] = setting(
        184.0,
        "With octaves auto, the shorter edge of the coarsest of them; less makes larger things.",
        "16 to 2048 pixels",
        ge=16,
        le=2048,
        example=130,
    )
    octave_scale: Annotated[Real, measured("x")] = setting(
        1.4, "Ratio between sizes; with auto about that.", "a number from 1.05 to 4", ge=1.05, le=4, example=1.6
    )
    rate: Annotated[Real, measured("fps", per_second=True)] = setting(
        12.0,
        "Dreams per second, at any fps: fewer are faster. The frames between are made of those beside them; on clips "
        "it also dreams wherever motion is too fast to be followed.",
        "2 to 240 dreams per second",
        ge=2,
        le=240,
        example=8,
    )
    every: Whole | None = setting(
        None,
        "Dream on every so many frames instead of so many times a second; 1 dreams on all.",
        "1 to 12 frames, a whole number",
        ge=1,
        le=12,
        example=2,
    )
    steps: Steps | tuple[Steps, ...] = setting(
        4,
        "Gradient steps per octave and dream: more are stronger, and slower; 0 dreams nothing.",
        "a whole number from 0 to 200, or a list of them, one for each octave from coarse to fine",
        example=[2, 4, 4],
    )
    step_size: Annotated[Schedule, STEP_SIZE] = scheduled(
        0.006, "The strength: how much each step changes a pixel, on average.", STEP_SIZE, example=0.01
    )
    jitter: Annotated[Whole, measured("px pixels")] = setting(
        16,
        "Largest random shift of each octave before a step, so that the network leaves no grid in it.",
        "0 to 512 pixels, a whole number",
        ge=0,
        le=512,
        example=32,
    )
    normalize: Literal["laplacian", "mean", "std"] = setting(
        "laplacian",
        "How a step is brought to its size: laplacian, fine and coarse detail each by itself; mean or std, all at "
        "once, as the first Deep Dreams were made (mean).",
        "laplacian, mean or std",
    )
    parameters: Literal["pixels", "fourier", "phase"] = setting(
        "pixels",
        "What is climbed in: pixels, frequencies (then normalize does not matter) or only the phases of those.",
        "pixels, fourier or phase",
    )
    hues: Literal["free", "natural"] = setting(
        "free",
        "Which colours come: free, all as readily; natural, those less that are rare in photographs, as is always so "
        "with dream.parameters fourier and phase.",
        "free or natural",
    )
    turn: Annotated[Schedule, TURN] = scheduled(
        0.0,
        "How far the picture is turned at random for each step, so that only what is a thing from all sides counts as "
        "one.",
        TURN,
        example=10,
    )
    stretch: Annotated[Schedule, STRETCH] = scheduled(
        0.0,
        "How much larger or smaller the picture is made at random for each step, as a share; for the same reason as "
        "turn.",
        STRETCH,
        example=0.1,
    )
    blur: Annotated[Schedule, BLUR] = scheduled(
        0.0,
        "Gaussian blur of an octave after each step, its standard deviation; falling, it draws from coarse to fine.",
        BLUR,
        example="0.3 + 1.2*exp(-3*t)",
    )
    smooth: Annotated[Schedule, SMOOTH] = scheduled(
        0.0, "How much of a step goes against total variation: flat areas with edges.", SMOOTH, example=0.2
    )
    decay: Annotated[Schedule, DECAY] = scheduled(
        0.0, "Share of the way to middle grey that the picture goes after each step (L2).", DECAY, example=0.02
    )
    warmup: Whole = setting(
        4,
        "Dreams before the first frame, while the camera rests, so that the film begins with a dream; 0 begins with "
        "the source.",
        "0 to 1000 dreams, a whole number",
        ge=0,
        le=1000,
        example=0,
    )
    noise: Annotated[Schedule, NOISE] = scheduled(
        0.02,
        "Fresh noise that is added to a frame before it is dreamt, its standard deviation at 640x360: new things are "
        "born out of it.",
        NOISE,
        example=0.05,
    )
    diversity: Annotated[Schedule, SHARE] = scheduled(
        0.8,
        "How evenly the channels of a layer count: 0 lets the loudest few take over, in the end the same everywhere; "
        "1 counts all alike.",
        SHARE,
        example=0.3,
    )
    variety: Annotated[Schedule, SHARE] = scheduled(
        0.8,
        "How strongly it changes over time which channels count more: 0 shows the same creatures all along, 1 ever "
        "others.",
        SHARE,
        example=0,
    )
    opacity: Annotated[Schedule, SHARE] = scheduled(
        1.0,
        "On clips, how much of the dream is shown over the clip; 0 shows the clip itself.",
        SHARE,
        example={"keys": {"0s": 0, "2s": 1}},
    )
    mask: FilePath | None = setting(
        None,
        "Where to dream: white dreams, black leaves alone. It is cropped to the frame; its path is relative to the "
        "YAML file.",
        "the path of a picture or a clip",
        example="mask.png",
    )


class Droste(Section):
    """The Droste space: one picture, periodic in angle and logarithm of the radius, that contains itself."""

    period: Real = setting(
        3.0,
        "Doublings of the zoom after which the picture comes back.",
        "a number from 1 to 12",
        ge=1,
        le=12,
        example=5,
    )
    arms: Whole = setting(
        1, "How often the picture stands around the centre.", "a whole number from 1 to 12", ge=1, le=12, example=6
    )
    twist: Whole = setting(
        0,
        "How many periods deeper each arm begins than the one before, as in Escher's Print Gallery; below 0 the other "
        "way round.",
        "a whole number from -4 to 4",
        example=1,
        ge=-4,
        le=4,
    )
    alive: Real = setting(
        0.0,
        "Dreams per second on the picture while the film runs; 0 dreams before it only, and frames are quick.",
        "a number from 0 to 30",
        example=2,
        ge=0,
        le=30,
    )


class Camera(Section):
    """How the camera moves. Speeds are per second, so the frame rate never changes the motion."""

    zoom: Annotated[Schedule, ZOOM] = scheduled(
        1.35, "Zoom speed; below 1 zooms out.", ZOOM, example={"keys": {"0s": 1.2, "5s": 1.6}}
    )
    rotate: Annotated[Schedule, ROTATE] = scheduled(
        3.0, "Rotation speed; positive turns the content counter-clockwise.", ROTATE, example="10*sin(2*pi*t/8)"
    )
    pan: tuple[Annotated[Schedule, PAN], Annotated[Schedule, PAN]] = setting(
        (0.0, 0.0),
        "Pan speed, x and y; positive moves the content right and down.",
        f"a list of two, each {PAN.text}",
        example=[0.1, 0],
    )
    pivot: tuple[Annotated[Schedule, PIVOT], Annotated[Schedule, PIVOT]] = setting(
        (0.5, 0.5),
        "The point that you fly to, which zoom and rotation leave in place: x and y.",
        f"a list of two, each {PIVOT.text}",
        example=["0.5 + 0.2*noise(t/6, 1)", 0.4],
    )
    border: Literal["reflect", "replicate", "wrap", "noise"] = setting(
        "reflect",
        "What comes in over the edges: reflect mirrors the picture, replicate draws its edge out, wrap begins it "
        "again on the other side, noise is dreamt afresh. It does nothing on clips.",
        "reflect, replicate, wrap or noise",
    )
    space: Literal["plane", "droste"] = setting(
        "plane",
        "In what the camera moves: plane dreams on each frame, droste once on a picture that contains itself, which "
        "zoom and rotation pass through for ever.",
        "plane or droste",
    )
    droste: Droste = setting(Droste(), "What comes back in the Droste space.", "a section", example={"arms": 6})

    @property
    def contains_itself(self) -> bool:
        return self.space == "droste"


class Flow(Section):
    """How the dream of the last frame follows what moves in a clip. `weights` is absolute; cuts are seconds."""

    method: Literal["none", "dis", "farneback", "raft_small", "raft_large"] = setting(
        "dis",
        "How motion is found: dis and farneback are quick, the networks raft_small and raft_large finer at edges; "
        "none carries nothing along.",
        "none, dis, farneback, raft_small or raft_large",
    )
    carry: Annotated[Schedule, CARRY] = scheduled(
        0.95,
        "Share of the dream that each frame takes over from the one before, moved along with what moves there: more "
        "lasts longer, less flows faster.",
        CARRY,
        example=0.8,
    )
    cuts: Literal["auto", "off"] | Annotated[tuple[Seconds, ...], AfterValidator(_in_order)] = setting(
        "auto",
        "Where the clip cuts to another shot, so that the dream starts afresh; auto finds the cuts.",
        "auto, off or a list of times in the clip, such as [5s, 150f] (frames of the clip)",
        example=["5s", "150f"],
    )
    weights: FilePath | None = setting(
        None,
        "A local weights file of RAFT; where left out, torchvision fetches it once.",
        "the path of a weights file, for raft_small and raft_large",
        example="raft_small.pth",
    )


class Color(Section):
    """How brightness, contrast and saturation are kept from drifting."""

    hold: Annotated[Schedule, HOLD] = scheduled(
        0.95,
        "How firmly brightness, contrast and saturation are held: the share of their way back to the reference; 0 "
        "lets them drift.",
        HOLD,
        example=0.5,
    )
    reference: Literal["auto"] | FilePath = setting(
        "auto",
        "Whose statistics are held; auto: the picture's or the clip's own, for noise those of natural pictures.",
        "auto or the path of a picture",
        example="painting.jpg",
    )
