"""The shape of the code: imports point one way, files stay small, tests lie where their modules lie, help is quick."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "zoomdream"
MODULES = sorted(PACKAGE.rglob("*.py"))
SOURCES = [*MODULES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "scripts").rglob("*.py"))]

# From the ground floor up: a room imports only from rows above its own. Rooms of one row do not know each other.
FLOORS = (
    ("version",),
    ("errors", "types"),
    ("randomness", "machine", "ffmpeg"),
    ("color", "camera"),
    ("config",),
    ("timeline",),
    ("autodiff",),
    ("networks",),
    ("source", "encode"),
    ("flow", "music"),
    ("dream",),
    ("stages",),
    ("pipeline_droste",),
    ("pipeline",),
    ("assembly",),
    ("rendering",),
    ("api",),
    ("batch", "atlas", "plot"),
    ("cli",),
    ("__init__", "__main__"),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def layer(path: Path) -> str:
    """The room that a file belongs to: the first name below the package."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_layers(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative imports hide the layer"
            module = node.module or ""
            names = [f"zoomdream.{alias.name}" for alias in node.names] if module == "zoomdream" else [module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("zoomdream.")}
    return found


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_imports_point_one_way(path: Path) -> None:
    upward = {room for room in imported_layers(path) - {layer(path)} if FLOOR[room] >= FLOOR[layer(path)]}
    assert not upward


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_files_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


SUBJECTS = {
    ".": {"architecture", "configs", "conftest", "documentation", "loops", "package", "packaging"},
    "assembly": {"clip", "droste", "objectives", "on_an_emulated_gpu", "transparent_zoom"},
    "autodiff": {"random_graphs"},
    "autodiff/operations": {"norms"},
    "batch": {"batch_command", "lost_head", "parcels", "plan_once", "ready_batches", "shots"},
    "cli": {"bad_input", "command_line", "completion", "hardware_command", "wrong_configs"},
    "config": {"clip_errors", "errors", "typings"},
    "networks": {"own_network", "torchvision_files"},
    "rendering": {"alpha_render", "clip_render", "damage", "disk", "killing", "tiled_render"},
    "source": {"deep_pictures"},
    "source/clip": {"clip_assets", "clip_damage", "clip_files", "decode_colors"},
}
"""What a room has tests of, besides its modules: what several of them do together, or what is seen from outside."""


def test_tests_lie_where_the_module_lies_that_they_are_of() -> None:
    named = {f"{room}/{subject}" for room, subjects in SUBJECTS.items() for subject in subjects}
    modules = {path.relative_to(PACKAGE).with_suffix("").as_posix() for path in MODULES}
    rooms = {path.parent.relative_to(PACKAGE).as_posix() for path in MODULES}
    found = {
        f"{path.parent.relative_to(ROOT / 'tests').as_posix()}/{path.stem.removeprefix('test_')}"
        for path in (ROOT / "tests").rglob("test_*.py")
        if "scripts" not in path.relative_to(ROOT).parts
    }
    assert {one for one in found if one.removeprefix("./") not in modules | rooms} == named


@pytest.mark.parametrize("module", ["zoomdream", "zoomdream.config", "zoomdream.cli", "zoomdream.cli.parser"])
def test_what_must_be_quick_does_not_load_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def private_pytorch(tree: ast.AST) -> set[str]:
    """Names of PyTorch that it does not document: with an underscore in front, its operators, and dispatch modes."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.Attribute):
            names = [ast.unparse(node)]
        else:
            continue
        for name in names:
            root, *parts = name.split(".")
            hidden = [part for part in parts if part.startswith("_") and not part.startswith("__")]
            if root == "torch" and (hidden or parts[:1] == ["ops"] or parts[-1:] == ["TorchDispatchMode"]):
                found.add(name)
    return found


OUTSIDE = [path for path in MODULES if layer(path) not in ("autodiff", "machine")]


@pytest.mark.parametrize("path", OUTSIDE, ids=relative)
def test_private_pytorch_stays_in_two_rooms(path: Path) -> None:
    assert not private_pytorch(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "line",
    [
        "from torch.utils._pytree import tree_leaves",
        "import torch._dynamo",
        "torch.ops.mkldnn._reorder_convolution_weight(weight)",
        "torch._foreach_copy_(ours, theirs)",
        "from torch.utils.whatever import TorchDispatchMode",
    ],
)
def test_what_counts_as_private(line: str) -> None:
    assert private_pytorch(ast.parse(line))
    assert not private_pytorch(ast.parse("import torch; torch.nn.Module.__init__(self); self._torch.ops.x()"))


def sources_asked_for_their_kind(path: Path) -> list[int]:
    """Lines that ask which kind of source a config has."""
    kinds = {"NoiseSource", "ImageSource", "MovingSource", "VideoSource", "FramesSource"}
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
        asks = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance"
        if (asks or isinstance(node, ast.match_case)) and names & kinds:
            found.append(node.lineno if isinstance(node, ast.Call) else node.pattern.lineno)
        if isinstance(node, ast.Attribute) and node.attr == "kind" and ast.unparse(node.value).endswith("source"):
            found.append(node.lineno)
    return found


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_only_open_source_asks_a_source_for_its_kind(path: Path) -> None:
    if layer(path) != "config" and relative(path) != "zoomdream/source/open.py":
        assert sources_asked_for_their_kind(path) == []


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_only_the_timeline_evaluates_schedules(path: Path) -> None:
    """And `config.checks`, which says where a schedule has no value that is allowed."""
    if layer(path) in ("config", "timeline"):
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "values":
            assert not node.args, f"{relative(path)}:{node.lineno} evaluates a schedule"


SWITCHES = {
    "set_num_threads",
    "set_num_interop_threads",
    "set_default_dtype",
    "set_default_device",
    "set_float32_matmul_precision",
    "use_deterministic_algorithms",
    "setNumThreads",
    "setUseOptimized",
    "mallopt",
    "putenv",
    "unsetenv",
}


def process_switches(tree: ast.AST) -> set[str]:
    """What in a file changes the whole process: threads of torch and OpenCV, torch's backends, glibc, the environment.
    Reading them is free.
    """
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {alias.name for alias in node.names} & SWITCHES
        elif isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            stored = not isinstance(node.ctx, ast.Load)
            changed = name.rpartition(".")[2] in ("setdefault", "update", "pop", "popitem", "clear")
            if (
                node.attr in SWITCHES
                or (stored and name.startswith("torch.backends."))
                or (changed and name.startswith("os.environ."))
            ):
                found.add(name)
        elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            found |= {name for name in [ast.unparse(node.value)] if name == "os.environ"}
        elif isinstance(node, ast.Constant) and node.value in SWITCHES:  # for getattr
            found.add(str(node.value))
    return found


ELSEWHERE = [path for path in MODULES if layer(path) != "machine"]


@pytest.mark.parametrize("path", ELSEWHERE, ids=relative)
def test_switches_of_the_whole_process_stay_in_one_room(path: Path) -> None:
    assert not process_switches(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "line",
    [
        "torch.set_num_threads(2)",
        "from torch import set_num_threads",
        "torch.backends.cudnn.deterministic = True",
        "cv2.setNumThreads(1)",
        "getattr(ctypes.CDLL(None), 'mallopt')(-4, 0)",
        "os.environ['OMP_NUM_THREADS'] = '1'",
        "del os.environ['OMP_NUM_THREADS']",
        "os.environ.setdefault('OMP_NUM_THREADS', '1')",
    ],
)
def test_what_counts_as_a_switch_of_the_process(line: str) -> None:
    assert process_switches(ast.parse(line))
    assert not process_switches(
        ast.parse("torch.get_num_threads(); os.environ.get('A'); torch.backends.mps.is_built()")
    )
