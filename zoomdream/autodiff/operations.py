"""Operations whose gradient in what comes in is written out. Each gives its result and the way back.

All are equal to PyTorch's own within rounding, forwards and backwards, and quicker on CPUs; milliseconds below are of
one thread with AVX-512 and bfloat16 in hardware. Tensors are channels-last, (1, C, h, w). Where gradients are enabled
and a result needs one, autograd may follow the result instead of the way back: so are networks trained.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.grad import conv2d_input

from zoomdream.autodiff.prepack import Packed, can_pack, convolve_packed

Backward = Callable[[Tensor], tuple[Tensor, ...]]
"""The gradient of a result in, those of what it was made of out. It may be called once."""

Written = tuple[Tensor, Backward]

_RESPONSE_SCALE = 64
_HALVES = (torch.bfloat16, torch.float16)


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    *,
    stride: int = 1,
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    rectified: bool = False,
    packed: Packed | None = None,
) -> Written:
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
        y = F.conv2d(seen, weight, bias, stride, within, _spread(x, weight))
        if rectified:
            y = _rectify(y)
    else:
        form = packed.form(weight, seen.shape, within, stride)
        y = convolve_packed(seen, form, bias, within, stride, rectified)
    size, seen_size = x.shape, seen.shape

    def back(gradient: Tensor) -> tuple[Tensor]:
        if rectified:
            gradient = _passed(gradient, y)
        if stride == 2 and size[1] <= 4:
            return (_from_phases(gradient, weight, size, (above, left), packed),)
        edges = (weight.shape[2] - 1 - within[0], weight.shape[3] - 1 - within[1])
        if packed is not None and stride == 1 and even and min(edges) >= 0:
            turned = packed.form(weight, gradient.shape, edges, made=_turned, name="back")
            return (convolve_packed(gradient, turned, None, edges),)
        if stride == 1 and weight.shape[2:] == (1, 1):
            return (F.conv2d(gradient, weight.transpose(0, 1), dilation=_spread(gradient, weight)),)
        found: Tensor = conv2d_input(seen_size, weight, gradient, stride, within)  # type: ignore[no-untyped-call]
        return (found if even else found[:, :, above : above + size[2], left : left + size[3]],)

    return y, back


def _turned(weight: Tensor) -> Tensor:
    """The kernel of the convolution that is the way back through one with stride 1."""
    return weight.flip(2, 3).transpose(0, 1)


def _spread(x: Tensor, weight: Tensor) -> int:
    """A dilation, which means nothing for a 1x1 kernel but keeps a CPU with one thread from a way that takes more than
    twice as long in float32.
    """
    return 2 if weight.shape[2:] == (1, 1) and x.device.type == "cpu" else 1


def _from_phases(
    gradient: Tensor, weight: Tensor, size: torch.Size, before: tuple[int, int], packed: Packed | None
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
        form = packed.form(weight, gradient.shape, edges, made=lambda w: _phases(w, front), name=f"phases {front}")
        phases = convolve_packed(gradient, form, None, edges)
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


def rectify(x: Tensor) -> Written:
    """ReLU, which may overwrite `x`."""
    y = _rectify(x)
    return y, lambda gradient: (_passed(gradient, y),)


def _rectify(x: Tensor) -> Tensor:
    if x.requires_grad and torch.is_grad_enabled():
        return F.relu(x)
    if x.device.type == "cpu" and x.dtype in _HALVES:
        # Below zero is below zero as whole numbers too, and these need no widening: six times as quick.
        x.view(torch.int16).clamp_min_(0)
        return x
    return x.relu_()


def _passed(gradient: Tensor, y: Tensor) -> Tensor:
    """What of the gradient passes a ReLU that gave `y`."""
    passed: Tensor = torch.ops.aten.threshold_backward(gradient, y, 0)
    return passed


def pool(
    x: Tensor, window: tuple[int, int], stride: int, padding: tuple[int, int] = (0, 0), ceil: bool = False
) -> Written:
    """The largest of each window; the last windows may reach over the edge where `ceil`."""
    groups = _groups(x)
    parted, dtype = _parted(x, groups), x.dtype
    y, places = F.max_pool2d(parted, window, stride, padding, ceil_mode=ceil, return_indices=True)
    size = parted.shape

    def back(gradient: Tensor) -> tuple[Tensor]:
        # A CPU adds up windows that overlap in bfloat16 at a third of the speed of float32.
        widened = gradient.device.type == "cpu" and dtype in _HALVES
        wide = _parted(gradient.float() if widened else gradient, groups)
        like = torch.empty(size, dtype=wide.dtype, device=wide.device, memory_format=torch.channels_last)
        found: Tensor = torch.ops.aten.max_pool2d_with_indices_backward(
            wide, like, window, [stride, stride], padding, [1, 1], ceil, places
        )
        return (_whole(found.to(dtype), groups),)

    return _whole(y, groups), back


def _groups(x: Tensor) -> int:
    """Into how many parts of its channels a tensor is parted for pooling.

    PyTorch's way back from a pool of a single channels-last picture takes but one of a CPU's threads: with sixteen that
    would be half a step. Parts go side by side, but parting takes 70 % more work, so that two threads gain nothing.
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


def _mix(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    packed: Packed | None,
    made: Callable[[Tensor], Tensor] | None = None,
    name: str = "",
) -> Tensor:
    """A convolution 1x1 with a weight, or with what is `made` of it under a `name`."""
    if packed is not None and can_pack(x, weight):
        return convolve_packed(x, packed.form(weight, x.shape, (0, 0), made=made, name=name), bias, (0, 0))
    kernel = weight if made is None else made(weight)
    return F.conv2d(x, kernel, bias, dilation=_spread(x, kernel))


def normalize_response(x: Tensor, band: Tensor, bias: Tensor, beta: float, packed: Packed | None = None) -> Written:
    """Local response norm: x * (bias + alpha * sum of the squares of neighbouring channels) ** -beta.

    The sum is a 1x1 convolution with a banded matrix, `response_band`: exact to 2e-5, and it runs in bfloat16 on the
    CPU. PyTorch's own does not, and took 40 % of a gradient step. bias (C,).
    With s = bias + sum over the band:  d/dx of x * s**-b  is  g * s**-b - 2 * b * x * band(g * x * s**(-b-1)).
    """
    # The first norm's input reaches 3,400 on natural pictures, whose square float16 cannot hold: there it is divided by
    # 64, which is exact, and the band holds 64 squared.
    half = x.dtype == torch.float16
    small = x * (1 / _RESPONSE_SCALE) if half else x
    made = None if half else _scaled
    sums = _mix(small * small, band, bias, packed, made)
    power = _power(sums, beta)

    def back(gradient: Tensor) -> tuple[Tensor]:
        passed = gradient * power
        # The band is symmetric, so it is its own transpose.
        spread = _mix((passed * x).div_(sums), band, None, packed, made)
        return (passed.addcmul_(spread, x, value=-2 * beta / (_RESPONSE_SCALE**2 if half else 1)),)

    return x * power, back


def _scaled(band: Tensor) -> Tensor:
    return band * (1 / _RESPONSE_SCALE**2)


def divide(x: Tensor, weight: Tensor, bias: Tensor, packed: Packed | None = None) -> Written:
    """x / sqrt(bias + weighted sums of the channels' squares), weight (C, C, 1, 1), bias (C,).

    With r = (bias + W x²) ** -1/2:  d/dx of x * r  is  g * r - x * Wᵀ(g * x * r³).
    """
    root = _mix(x * x, weight, bias, packed).rsqrt_()
    y = x * root

    def back(gradient: Tensor) -> tuple[Tensor]:
        passed = gradient * root
        spread = _mix((passed * y).mul_(root), weight, None, packed, _turned, "back")
        return (passed.addcmul_(spread, x, value=-1),)

    return y, back


def response_band(channels: int, size: int, alpha: float) -> Tensor:
    """(C, C, 1, 1): sums the squares of the `size` channels around each, times alpha, for `normalize_response`."""
    distance = (torch.arange(channels)[:, None] - torch.arange(channels)[None, :]).abs()
    return (distance <= size // 2).float()[:, :, None, None] * (alpha * _RESPONSE_SCALE**2)


def _power(sums: Tensor, beta: float) -> Tensor:
    """sums ** -beta; roots are three times as quick as powers."""
    if beta not in (0.5, 0.75):
        return sums**-beta
    root = torch.rsqrt(sums)
    return root if beta == 0.5 else torch.sqrt(root).mul_(root)


def join(*parts: Tensor) -> Written:
    """Side by side along the channels."""
    widths = [part.shape[1] for part in parts]
    return torch.cat(parts, 1), lambda gradient: torch.split(gradient, widths, 1)


def add(x: Tensor, y: Tensor) -> Written:
    """The sum, a tensor of its own."""
    sizes = x.shape, y.shape
    return x + y, lambda gradient: tuple(gradient.sum_to_size(size) for size in sizes)


def other(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Written]:
    """Any other operation on one tensor, as autograd goes back through it."""

    def operation(x: Tensor) -> Written:
        followed = x.requires_grad and torch.is_grad_enabled()
        with torch.enable_grad():
            leaf = x if followed else x.detach().requires_grad_()
            y = function(leaf)
        return y if followed else y.detach(), lambda gradient: torch.autograd.grad(y, leaf, gradient)

    return operation
