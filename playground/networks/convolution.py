"""A 3×3 convolution with bias and ReLU in one call of oneDNN, on kernels laid out beforehand, in float32 or bfloat16.

The kernels are frozen, so the only gradient is the one with respect to the input: the same convolution with turned
kernels, and what is kept for it is the output alone. Called by vgg.py on a CPU; which precision is arithmetic.py's to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

ONES = [1, 1]


def has_onednn() -> bool:
    """Whether this build of torch has the operation that joins a convolution and its ReLU."""
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")


@dataclass(frozen=True)
class Kernels:
    """A layer's kernels for both directions, in the precision that maps are to have.

    Attributes:
        there: O×I×3×3, as oneDNN wants it (an opaque tensor) where there is oneDNN.
        back: the same turned round, I×O×3×3.
        bias: O, float32.
    """

    there: Tensor
    back: Tensor
    bias: Tensor


def prepare(
    weight: Tensor, bias: Tensor, precision: torch.dtype = torch.float32, back: torch.dtype | None = None
) -> Kernels:
    """The kernels of a layer, laid out once.

    Args:
        weight: O×I×3×3, float32.
        bias: O, float32.
        precision: float32 or bfloat16, of kernels and maps; sums inside a product are in float32.
        back: of the gradients' products, where it is another.
    """
    turned = weight.flip(2, 3).transpose(0, 1)
    return Kernels(_laid_out(weight, precision), _laid_out(turned, back or precision), bias)


def _laid_out(weight: Tensor, precision: torch.dtype) -> Tensor:
    weight = weight.to(precision).contiguous(memory_format=torch.channels_last)
    return torch.ops.mkldnn._reorder_convolution_weight(weight, ONES, ONES, ONES, 1) if has_onednn() else weight


def conv3x3(x: Tensor, kernels: Kernels, padding: int = 1, kept: torch.dtype | None = None) -> Tensor:
    """`F.conv2d(x, weight, bias, padding=padding).relu()`, differentiable in `x`, once.

    Args:
        x: N×I×H×W, best channels-last, in the kernels' precision.
        padding: rows and columns of zeros around it, 0 to 2.
        kept: precision of the result; the kernels' where None.

    Returns:
        N×O×H×W (less by 2 without padding), channels-last; the same bits for the same input.
    """
    return _Conv3x3.apply(x, kernels, padding, kept or x.dtype)


class _Conv3x3(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, kernels: Kernels, padding: int, kept: torch.dtype) -> Tensor:
        y = _convolve(x, kernels.there, kernels.bias, padding).to(kept)
        ctx.kernels, ctx.padding, ctx.precision = kernels, padding, x.dtype
        ctx.save_for_backward(y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        (y,) = ctx.saved_tensors
        grad = torch.ops.aten.threshold_backward(grad.contiguous(memory_format=torch.channels_last), y, 0)
        return back(grad, ctx.kernels, ctx.precision, ctx.padding), None, None, None


def back(grad: Tensor, kernels: Kernels, precision: torch.dtype, padding: int = 1) -> Tensor:
    """The gradient for what a convolution takes, from one for what it gives before that is rectified.

    Args:
        grad: N×O×H×W, channels-last.
        precision: of the result.
        padding: the convolution's own.
    """
    return _convolve(grad.to(kernels.back.dtype), kernels.back, None, 2 - padding).to(precision)


def _convolve(x: Tensor, kernel: Tensor, bias: Tensor | None, padding: int) -> Tensor:
    """A convolution; with its bias, and then rectified, where there is one."""
    if kernel.is_mkldnn:
        after = "none" if bias is None else "relu"
        return torch.ops.mkldnn._convolution_pointwise(x, kernel, bias, [padding] * 2, ONES, ONES, 1, after, [], "")
    y = F.conv2d(x, kernel, bias, padding=padding)
    return y if bias is None else y.relu_()
