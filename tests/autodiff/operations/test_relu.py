"""ReLU, also where it is computed on whole numbers."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from tests.against_autograd import assert_same
from zoomdream.autodiff.operations.relu import rectify, rectify_

VALUES = (-3e38, -1.0, -1e-7, -0.0, 0.0, 1e-7, 2.0, 300.0, torch.inf, -torch.inf)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_rectifying_leaves_what_is_above_zero_and_nothing_else(dtype: torch.dtype) -> None:
    x = torch.tensor(VALUES).to(dtype).view(1, 2, 1, 5)
    assert_same(rectify, F.relu, x)
    assert_same(rectify_, F.relu, x)


def test_only_one_of_the_two_overwrites_its_input() -> None:
    x = torch.tensor(VALUES)
    rectify(x)
    assert torch.equal(x, torch.tensor(VALUES))
    assert rectify_(x)[0] is x
