"""The largest of each window."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from zoomdream.autodiff.graph import VJP, Fused, Graph
from zoomdream.autodiff.operations.convolution import pair
from zoomdream.autodiff.operations.relu import HALVES

_OPTIONS = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")


class HalvingPool(nn.Module):
    """The largest of 3x3 at every second pixel, rounded up: the pool of the GoogLeNets.

    Caffe's windows start at the edge, TensorFlow's (`same`) only for even edges and else one pixel outside. A picture
    with an edge of 1 has no room for 3, which PyTorch takes for an error: there the window is smaller.
    """

    def __init__(self, same: bool = False) -> None:
        super().__init__()
        self.same = same

    def window(self, x: Tensor) -> tuple[tuple[int, int], int, tuple[int, int]]:
        """Its edges, the stride, and how far the first one reaches over the edges of the picture."""
        height, width = x.shape[2:]
        above, left = (edge % 2 if self.same and edge > 1 else 0 for edge in (height, width))
        return (min(3, height), min(3, width)), 2, (above, left)

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, *self.window(x), ceil_mode=True)


@dataclass(frozen=True, slots=True)
class Pool:
    """The largest of each window; the last windows may reach over the edge where `ceil`."""

    window: tuple[int, int]
    stride: int
    padding: tuple[int, int] = (0, 0)
    ceil: bool = False

    def __call__(self, x: Tensor) -> tuple[Tensor, VJP]:
        return pool(x, self.window, self.stride, self.padding, self.ceil)


@dataclass(frozen=True, slots=True)
class Halving:
    """What a `HalvingPool` gives."""

    module: HalvingPool

    def __call__(self, x: Tensor) -> tuple[Tensor, VJP]:
        return pool(x, *self.module.window(x), ceil=True)


def match(graph: Graph, node: fx.Node) -> Fused | None:
    """Pools of grids with one stride, and `HalvingPool`."""
    if not graph.grid(node):
        return None
    if halving := graph.module(node, HalvingPool):
        return Fused((node.all_input_nodes[0],), (Halving(halving),))
    if not graph.calls(node, nn.MaxPool2d, F.max_pool2d, torch.max_pool2d):
        return None
    if module := graph.module(node, nn.MaxPool2d):
        options = {name: getattr(module, name) for name in _OPTIONS}
    else:
        options = dict(zip(_OPTIONS, node.args[1:], strict=False)) | node.kwargs
    window = pair(options["kernel_size"])
    down, across = pair(options.get("stride") or window)
    if across != down or pair(options.get("dilation", 1)) != (1, 1):
        return None
    operation = Pool(window, down, pair(options.get("padding", 0)), options.get("ceil_mode", False))
    return Fused((node.all_input_nodes[0],), (operation,))


def shrinks(fused: Fused) -> bool:
    """Whether a pool gives fewer pixels than it takes."""
    return any(isinstance(one, Halving) or (isinstance(one, Pool) and one.stride > 1) for one in fused.operations)


def pool(
    x: Tensor, window: tuple[int, int], stride: int, padding: tuple[int, int] = (0, 0), ceil: bool = False
) -> tuple[Tensor, VJP]:
    """See `Pool`."""
    groups = _groups(x)
    parted, dtype = _parted(x, groups), x.dtype
    y, places = F.max_pool2d(parted, window, stride, padding, ceil_mode=ceil, return_indices=True)
    size = parted.shape

    def vjp(gradient: Tensor) -> tuple[Tensor]:
        # A CPU adds up windows that overlap in bfloat16 at a third of the speed of float32.
        widened = gradient.device.type == "cpu" and dtype in HALVES
        wide = _parted(gradient.float() if widened else gradient, groups)
        like = torch.empty(size, dtype=wide.dtype, device=wide.device, memory_format=torch.channels_last)
        found: Tensor = torch.ops.aten.max_pool2d_with_indices_backward(
            wide, like, window, [stride, stride], padding, [1, 1], ceil, places
        )
        return (_whole(found.to(dtype), groups),)

    return _whole(y, groups), vjp


def _groups(x: Tensor) -> int:
    """Into how many parts of its channels a tensor is parted for pooling.

    PyTorch's backward pass through a pool of a single channels-last picture takes but one of a CPU's threads: with
    sixteen that would be half a step. Parts go side by side, but parting takes 70 % more work, so that two threads gain
    nothing.
    """
    threads = torch.get_num_threads()
    if x.device.type != "cpu" or x.shape[0] > 1 or threads < 4:
        return 1
    most = min(threads, x.shape[1] // 16)  # fewer channels than 16 are slow to go through
    return max((parts for parts in range(2, most + 1) if x.shape[1] % parts == 0), default=1)


def _parted(x: Tensor, groups: int) -> Tensor:
    """(1, C, h, w) to (groups, C / groups, h, w)."""
    parts = x if groups == 1 else x.view(groups, x.shape[1] // groups, *x.shape[2:])
    return parts.contiguous(memory_format=torch.channels_last)


def _whole(parts: Tensor, groups: int) -> Tensor:
    """The reverse of `_parted`."""
    if groups == 1:
        return parts
    height, width = parts.shape[2:]
    return parts.permute(2, 3, 0, 1).reshape(1, height, width, -1).permute(0, 3, 1, 2)
