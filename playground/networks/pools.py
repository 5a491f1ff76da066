"""2×2 max pools with little memory: what the way back needs is found again, or told by two bits a value.

Called by vgg.py; average pools keep nothing anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable


class SparingPool(torch.autograd.Function):
    """A max pool that keeps no places: they take eight bytes each, which is more than the maps themselves."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return F.max_pool2d(x, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        _, places = torch.ops.aten.max_pool2d_with_indices(x, [2, 2])
        back = torch.ops.aten.max_pool2d_with_indices_backward
        return back(grad, x, [2, 2], [2, 2], [0, 0], [1, 1], False, places)


def places_of(x: Tensor, pooled: Tensor) -> Tensor:
    """Which of the four of each window is the largest, row by row from 0 to 3; of several the first, as torch takes it.

    Args:
        x: N×C×H×W.
        pooled: its largest values, N×C×h×w, h and w halved and rounded down.

    Returns:
        N×C×h×w, uint8.
    """
    places = torch.full_like(pooled, 3, dtype=torch.uint8)
    for place in (2, 1, 0):
        places.masked_fill_(_corner(x, pooled, place) == pooled, place)
    return places


class KnownPool(torch.autograd.Function):
    """`pool(relu(convolution(x)))` where its result is known already, so that only the way back is computed."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, pooled: Tensor, places: Tensor, top: int, back: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """What is known.

        Args:
            x: N×I×H×W, what the convolution took.
            pooled: N×O×h×w: of rows `top` to `top` + 2h of its rectified maps, the largest of each window.
            places: `places_of` them.
            back: the convolution's way back: the gradient for its input from one for its maps.
        """
        ctx.save_for_backward(pooled, places)
        ctx.shape, ctx.top, ctx.back = x.shape, top, back
        return pooled.view_as(pooled)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        pooled, places = ctx.saved_tensors
        images, _, height, width = ctx.shape
        bottom, right = ctx.top + 2 * pooled.shape[2], 2 * pooled.shape[3]
        shape = images, pooled.shape[1], height, width
        maps = torch.empty(shape, dtype=grad.dtype, device=grad.device, memory_format=torch.channels_last)
        for margin in (maps[..., : ctx.top, :], maps[..., bottom:, :], maps[..., right:]):
            margin.zero_()
        grad = torch.ops.aten.threshold_backward(grad, pooled, 0)  # a window without a value above 0 lets nothing pass
        for place in range(4):
            torch.mul(grad, places == place, out=_corner(maps[..., ctx.top :, :], pooled, place))
        return ctx.back(maps), None, None, None, None


def _corner(x: Tensor, pooled: Tensor, place: int) -> Tensor:
    """One of the four values of every window, as a view."""
    height, width = pooled.shape[-2:]
    return x[..., place // 2 : 2 * height : 2, place % 2 : 2 * width : 2]
