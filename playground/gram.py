"""Gram matrices: the style statistic of a layer. Called by strips.py, which may gather them piece by piece, and objective.py."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


class _Gram(torch.autograd.Function):
    """X·Xᵀ with one matrix product on the way back instead of autograd's two: dX = (dG + dGᵀ)·X."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.transpose(-1, -2) @ x

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return x @ (grad + grad.transpose(-1, -2))


def gram_matrix(features: Tensor) -> Tensor:
    """Raw Gram matrices G = F·Fᵀ of a layer (Gatys et al. 2016, eq. 3).

    Args:
        features: N×C×H×W; taken as H·W rows of C, which is how channels-last memory already lies.

    Returns:
        N×C×C, symmetric, positive semidefinite, not divided by anything.
    """
    n, c = features.shape[:2]
    return _Gram.apply(features.permute(0, 2, 3, 1).reshape(n, -1, c))


@dataclass(frozen=True)
class StyleStatistic:
    """A picture's raw Gram matrices at one layer (N×C×C) and the number of positions H·W they were summed over."""

    gram: Tensor
    positions: int


def style_statistic(features: Tensor) -> StyleStatistic:
    """The style statistic of one layer's activations (N×C×H×W)."""
    return StyleStatistic(gram_matrix(features), features.shape[-2] * features.shape[-1])
