"""A convolution, with a ReLU behind it where that is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch.nn.grad import conv2d_input

from zoomdream.autodiff.graph import PACKED, VJP, Fused, Graph
from zoomdream.autodiff.operations.relu import masked, relu_
from zoomdream.autodiff.prepack import PackedWeight, can_pack, convolve_packed


class SameConv2d(nn.Conv2d):
    """TensorFlow's convolution of stride 2 with padding SAME: for even edges one less before. The kernel has odd edges
    of 3 or more, and padding of half of them.
    """

    def around(self, x: Tensor) -> tuple[int, int, int, int]:
        """Zeros above, below, on the left and on the right."""
        (below, right), (height, width) = (edge // 2 for edge in self.kernel_size), x.shape[2:]
        return below - (height % 2 == 0), below, right - (width % 2 == 0), right

    def forward(self, x: Tensor) -> Tensor:
        above, below, left, right = self.around(x)
        return F.conv2d(F.pad(x, (left, right, above, below)), self.weight, self.bias, self.stride)


@dataclass(frozen=True, slots=True)
class Convolution:
    """What a module gives, and a ReLU where `rectified`."""

    module: nn.Conv2d
    rectified: bool = False

    def __call__(self, x: Tensor) -> tuple[Tensor, VJP]:
        module = self.module
        if isinstance(module, SameConv2d):
            padding = module.around(x)
        else:
            above, left = pair(module.padding)
            padding = above, above, left, left
        packed = getattr(module, PACKED, None)
        return convolve(x, module.weight, module.bias, module.stride[0], padding, self.rectified, packed)


def match(graph: Graph, node: fx.Node) -> Fused | None:
    """Convolutions with one stride and numbers for padding."""
    module = graph.module(node, nn.Conv2d) or graph.module(node, SameConv2d)
    if module is None or not graph.grid(node) or isinstance(module.padding, str):
        return None
    plain = module.groups == 1 and module.padding_mode == "zeros" and module.dilation == (1, 1)
    if not plain or module.stride[0] != module.stride[1] or (module.kernel_size == (1, 1) and any(module.padding)):
        return None
    return Fused((node.all_input_nodes[0],), (Convolution(module),))


def pair(number: Any) -> tuple[int, int]:
    """Height and width of what PyTorch takes as one number or two."""
    edges = tuple(number) if isinstance(number, tuple | list) else (number,)
    return edges[0], edges[-1]


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: int = 1,
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    rectified: bool = False,
    packed: PackedWeight | None = None,
) -> tuple[Tensor, VJP]:
    """A convolution, and a ReLU where `rectified`. padding: zeros above, below, on the left and on the right.

    packed: keeps what is made of the weight for further calls.
    """
    above, below, left, right = padding
    even = above == below and left == right
    seen = x if even else F.pad(x, (left, right, above, below))
    within = (above, left) if even else (0, 0)
    if packed is not None and not can_pack(seen, weight):
        packed = None
    if packed is None:
        y = F.conv2d(seen, weight, bias, stride, within, _dilation(x, weight))
        if rectified:
            y = relu_(y)
    else:
        y = convolve_packed(seen, packed.get(weight, seen.shape, within, stride), bias, within, stride, rectified)
    size, seen_size = x.shape, seen.shape

    def vjp(gradient: Tensor) -> tuple[Tensor]:
        if rectified:
            gradient = masked(gradient, y)
        if stride == 2 and size[1] <= 4:
            return (_from_phases(gradient, weight, size, (above, left), packed),)
        edges = (weight.shape[2] - 1 - within[0], weight.shape[3] - 1 - within[1])
        if packed is not None and stride == 1 and even and min(edges) >= 0:
            turned = packed.get(weight, gradient.shape, edges, made=transposed, name="transposed")
            return (convolve_packed(gradient, turned, None, edges),)
        if stride == 1 and weight.shape[2:] == (1, 1):
            return (F.conv2d(gradient, weight.transpose(0, 1), dilation=_dilation(gradient, weight)),)
        found: Tensor = conv2d_input(seen_size, weight, gradient, stride, within)  # type: ignore[no-untyped-call]
        return (found if even else found[:, :, above : above + size[2], left : left + size[3]],)

    return y, vjp


def mix(x: Tensor, weight: Tensor, bias: Tensor | None, packed: PackedWeight | None, backwards: bool = False) -> Tensor:
    """A 1x1 convolution without its vector-Jacobian product; `backwards` with the transposed weight."""
    if packed is None or not can_pack(x, weight):
        kernel = transposed(weight) if backwards else weight
        return F.conv2d(x, kernel, bias, dilation=_dilation(x, kernel))
    made, name = (transposed, "transposed") if backwards else (None, "")
    return convolve_packed(x, packed.get(weight, x.shape, (0, 0), made=made, name=name), bias, (0, 0))


def transposed(weight: Tensor) -> Tensor:
    """The kernel of the convolution that is the backward pass through one with stride 1."""
    return weight.flip(2, 3).transpose(0, 1)


def _dilation(x: Tensor, weight: Tensor) -> int:
    """2 for a 1x1 kernel on a CPU: it means nothing there, but keeps one thread from an implementation that takes more
    than twice as long in float32.
    """
    return 2 if weight.shape[2:] == (1, 1) and x.device.type == "cpu" else 1


def _from_phases(
    gradient: Tensor, weight: Tensor, size: torch.Size, before: tuple[int, int], packed: PackedWeight | None
) -> Tensor:
    """The gradient of a convolution with stride 2 in a picture of `size` (1, 3, H, W) before which there is padding.

    Libraries compute it with three channels in lanes made for sixteen: 14.6 ms for GoogLeNet's first layer at 640x360
    in bfloat16, a sixth of a whole step. Pixels in even and odd rows and columns each see a fixed set of places of the
    result, so it is a convolution with stride 1 to four times three channels, 5.4 ms, whose parts are put in their
    places. Along an axis with y[o] = sum over k of w[k] x[2o + k - before], pixel 2i + a sees w[a + before - 2d] of
    y[i + d].
    """
    colours = weight.shape[1]
    front = (before[0] % 2, before[1] % 2)  # then the taps of even and odd pixels alternate from the start
    rows, columns = ((edge + first + 1) // 2 for edge, first in zip(weight.shape[2:], front, strict=True))
    padding, begin, length = [0, 0], [0, 0], [0, 0]
    for axis, taps in enumerate((rows, columns)):
        length[axis] = (size[2 + axis] + 1) // 2
        begin[axis] = (before[axis] + front[axis]) // 2 - (taps - 1)
        short = begin[axis] + length[axis] - (gradient.shape[2 + axis] - taps + 1)
        padding[axis] = max(-begin[axis], short, 0)
        begin[axis] += padding[axis]
    edges = (padding[0], padding[1])
    if packed is None:
        phases = F.conv2d(gradient, _phases(weight, front), padding=edges)
    else:
        kernel = packed.get(weight, gradient.shape, edges, made=lambda w: _phases(w, front), name=f"phases {front}")
        phases = convolve_packed(gradient, kernel, None, edges)
    phases = phases[:, :, begin[0] : begin[0] + length[0], begin[1] : begin[1] + length[1]]
    placed = phases.view(-1, 2, 2, colours, *length).permute(0, 3, 4, 1, 5, 2)
    return placed.reshape(-1, colours, 2 * length[0], 2 * length[1])[:, :, : size[2], : size[3]]


def _phases(weight: Tensor, front: tuple[int, int]) -> Tensor:
    """(4 * colours, outputs, rows, columns), see `_from_phases`; front: taps of nothing before the first, 0 or 1."""
    outputs, colours = weight.shape[:2]
    behind = [(edge + first) % 2 for edge, first in zip(weight.shape[2:], front, strict=True)]
    kernel = F.pad(weight, (front[1], behind[1], front[0], behind[0]))
    rows, columns = (edge // 2 for edge in kernel.shape[2:])
    kernel = kernel.view(outputs, colours, rows, 2, columns, 2).flip(2, 4).permute(3, 5, 1, 0, 2, 4)
    return kernel.reshape(4 * colours, outputs, rows, columns).contiguous(memory_format=torch.channels_last)
