"""Gram matrices: the style statistic of a layer. Called by strips.py, which may gather them piece by piece, and objective.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.grad import conv2d_weight


class _Gram(torch.autograd.Function):
    """F·Fᵀ with one product on the way back instead of autograd's two: dF = (dG + dGᵀ)·F.

    On a CPU both products are written as 1×1 convolutions, which oneDNN computes: on some processors at twice the rate
    of the library behind torch's matrix product.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        ctx.save_for_backward(features)
        if _by_convolution(features):
            channels = features.shape[1]
            return conv2d_weight(features, [channels, channels, 1, 1], features)[None, :, :, 0, 0]
        rows = features.flatten(2)
        return rows @ rows.transpose(1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (features,) = ctx.saved_tensors
        both = grad + grad.transpose(1, 2)
        if _by_convolution(features):
            return F.conv2d(features, both[0, :, :, None, None])
        return (both @ features.flatten(2)).view_as(features)


def _by_convolution(features: Tensor) -> bool:
    """One picture on a CPU; a batch's matrices must not be summed, and an accelerator's matrix product is the best."""
    return features.device.type == "cpu" and len(features) == 1 and features.dtype == torch.float32


def gram_matrix(features: Tensor) -> Tensor:
    """Raw Gram matrices G = F·Fᵀ of a layer (Gatys et al. 2016, eq. 3).

    Args:
        features: N×C×H×W, F being its C×(H·W).

    Returns:
        N×C×C, symmetric, positive semidefinite, not divided by anything.
    """
    return _Gram.apply(features.contiguous(memory_format=torch.channels_last))  # a strip is cut out of larger maps


@dataclass(frozen=True)
class StyleStatistic:
    """A picture's raw Gram matrices at one layer (N×C×C) and the number of positions H·W they were summed over."""

    gram: Tensor
    positions: int


def style_statistic(features: Tensor) -> StyleStatistic:
    """The style statistic of one layer's activations (N×C×H×W)."""
    return StyleStatistic(gram_matrix(features), features.shape[-2] * features.shape[-1])
