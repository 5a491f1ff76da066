"""Gram matrices and sums: the style statistic of a layer.

Called by strips.py, which may gather it piece by piece, guided.py, losses.py, lens/ and measure/. Knows no recipe and no picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.grad import conv2d_weight


class _Moments(torch.autograd.Function):
    """G = F·Fᵀ and s = F·1 with one product on the way back instead of autograd's two: dF = (dG + dGᵀ)·F + ds·1ᵀ."""

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(features)
        return products(features)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, grad_sums: Tensor) -> Tensor:
        (features,) = ctx.saved_tensors
        return products_back(features, grad, grad_sums)


def products(features: Tensor) -> tuple[Tensor, Tensor]:
    """F·Fᵀ and F·1 of maps N×C×H×W, outside autograd; of maps in bfloat16 in float32.

    On a CPU both this and the way back are written as 1×1 convolutions, which oneDNN computes: on some processors at twice
    the rate of the library behind torch's matrix product. The sums' gradient is then the bias, which costs nothing.
    """
    sums = features.sum((2, 3), dtype=torch.float32 if features.dtype == torch.bfloat16 else None)
    if features.dtype == torch.bfloat16 and _by_convolution(features):
        return _gram_of_bfloat16(features), sums
    single = features.float() if features.dtype == torch.bfloat16 else features
    if _by_convolution(features):
        channels = features.shape[1]
        return conv2d_weight(single, [channels, channels, 1, 1], single)[None, :, :, 0, 0], sums
    rows = single.flatten(2)
    return rows @ rows.transpose(1, 2), sums


def _gram_of_bfloat16(features: Tensor) -> Tensor:
    """F·Fᵀ of maps 1×C×H×W in bfloat16, float32, at the processor's rate for bfloat16.

    Its products are exact and added up in float32; only the sum is rounded. So the matrix comes in two parts, the second
    what rounding the first has left: together 16 bits of mantissa, where a single one has 8.
    """
    rows = features[0].flatten(1)
    first = rows @ rows.T
    return (first.float() + torch.addmm(first, rows, rows.T, beta=-1).float())[None]


def products_back(features: Tensor, grad: Tensor, grad_sums: Tensor) -> Tensor:
    """(dG + dGᵀ)·F + ds·1ᵀ, the gradient of what `products` gives, in the maps' shape and precision."""
    both, grad_sums = (grad + grad.transpose(1, 2)).to(features.dtype), grad_sums.to(features.dtype)
    if _by_convolution(features):
        return F.conv2d(features, both[0, :, :, None, None], bias=grad_sums[0])
    return (both @ features.flatten(2) + grad_sums[..., None]).view_as(features)


def _by_convolution(features: Tensor) -> bool:
    """One picture on a CPU; a batch's matrices must not be summed, and an accelerator's matrix product is the best."""
    return features.device.type == "cpu" and len(features) == 1


@dataclass(frozen=True)
class StyleStatistic:
    """What is compared of a picture's activations F (C×(H·W)) at one layer, undivided, so that strips can be added up.

    Attributes:
        gram: raw Gram matrices G = F·Fᵀ (Gatys et al. 2016, eq. 3), N×C×C, symmetric, positive semidefinite.
        sums: of each channel over all positions, N×C.
        positions: H·W, their number.
    """

    gram: Tensor
    sums: Tensor
    positions: int

    @property
    def mean(self) -> Tensor:
        """Means of the channels, N×C."""
        return self.sums / self.positions

    @property
    def covariance(self) -> Tensor:
        """Covariances of the channels G/M − μ·μᵀ, N×C×C: what a Gram matrix says besides the means."""
        mean = self.mean
        return self.gram / self.positions - mean[:, :, None] * mean[:, None, :]


def style_statistic(features: Tensor) -> StyleStatistic:
    """The style statistic of one layer's activations (N×C×H×W); of maps in bfloat16 in float32."""
    if features.device.type != "cpu" and features.dtype == torch.bfloat16:
        features = features.float()
    gram, sums = _Moments.apply(features.contiguous(memory_format=torch.channels_last))  # a strip is cut out of maps
    return StyleStatistic(gram, sums, features.shape[-2] * features.shape[-1])


def centred_maps(maps: Tensor) -> Tensor:
    """Maps N×C×H×W, each less its mean over all positions."""
    return maps - maps.mean((2, 3), keepdim=True)
