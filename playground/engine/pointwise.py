"""Losses that are a mean over single differences: content, and total variation.

Each is an entry in a registry, which a recipe names it by. It says what becomes of one difference and what the mean is divided
by, so that the same entry serves whole pictures, regions (a weighted mean) and prints, which are judged tile by tile
(tiles.py). Called by losses.py, and by feedforward/ in training.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

TINY = 1e-12
ROWS = 32  # of maps in bfloat16 that are subtracted at once


@dataclass(frozen=True)
class Pointwise:
    """mean(each(difference)) / over(channels, energy).

    Attributes:
        each: of every difference, elementwise.
        over: of the number of channels and of a function that gives the energy of what is compared with: mean(P²) of a content
            layer, the style image's squared variation.
    """

    each: Callable[[Tensor], Tensor] = torch.square
    over: Callable[[int, Callable[[], Tensor | float]], Tensor | float] = lambda channels, energy: 1.0


CONTENT_LOSSES: dict[str, Pointwise] = {
    "mean": Pointwise(),
    "channels": Pointwise(over=lambda channels, energy: channels),
    "relative": Pointwise(over=lambda channels, energy: energy()),
}
VARIATION_LOSSES: dict[str, Pointwise] = {
    "squared": Pointwise(),
    "absolute": Pointwise(each=torch.abs),
    "relative": Pointwise(over=lambda channels, energy: energy()),
}


class _MeanSquare(torch.autograd.Function):
    """mean((F − P)²), as `F.mse_loss`, whose gradient has the maps' own layout in memory.

    torch's comes with channels apart, and on a processor adding it to gradients with channels together takes longer than
    the convolution behind it.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, target: Tensor) -> Tensor:
        ctx.save_for_backward(features, target)  # and no difference
        if features.dtype == torch.bfloat16:
            return _difference(features, target).square_().mean()
        return F.mse_loss(features, _single(target))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        features, target = ctx.saved_tensors
        found = _difference(features, target)
        return found.mul_(2 / features.numel()).mul_(grad).to(features.dtype), None


def _difference(features: Tensor, target: Tensor) -> Tensor:
    """F − P, of maps in bfloat16 in float32: of those some rows at a time, so that P is nowhere whole in float32."""
    if features.dtype != torch.bfloat16:
        return features - target
    found = features.float()
    for top in range(0, found.shape[-2], ROWS):
        found[..., top : top + ROWS, :].sub_(target[..., top : top + ROWS, :])
    return found


def _single(maps: Tensor) -> Tensor:
    """Maps in bfloat16 in float32, which says exactly the same; others as they are."""
    return maps.float() if maps.dtype == torch.bfloat16 else maps


def content_loss(features: Tensor, target: Tensor, normalisation: str, weights: Tensor | None = None) -> Tensor:
    """Content loss of one layer: mean((F − P)²), after Gatys et al. 2016, eq. 1.

    Args:
        features, target: N×C×H×W; of maps in bfloat16 the loss is computed and given in float32.
        normalisation: "mean" as it stands; "channels" divided by C (the L-BFGS source sums over positions and divides
            by H·W·C twice over channels); "relative" divided by mean(P²), so that a layer's own energy drops out.
        weights: H×W, what counts for more of one picture: mean(W·(F − P)²). The energy stays that of the whole target, so that
            W alone says so.
    """
    if len(features) > 1:  # picture by picture, so that a batch weighs as much as its pictures alone
        pairs = zip(features.split(1), target.split(1), strict=True)
        return torch.stack([content_loss(one, its, normalisation, weights) for one, its in pairs]).mean()
    form = CONTENT_LOSSES[normalisation]
    if weights is not None:
        mean = (form.each(_single(features) - _single(target)) * weights).mean()
    elif form.each is torch.square:
        mean = _MeanSquare.apply(features, target)
    else:
        mean = form.each(_single(features) - _single(target)).mean()
    return mean / form.over(features.shape[1], lambda: _single(target).square().mean().clamp_min(TINY))


def variation_loss(image: Tensor, form: str = "squared", own: Tensor | float = 1.0) -> Tensor:
    """Total variation of an image N×3×H×W in [0, 1].

    Args:
        form: "squared" for mean(dx²) + mean(dy²), "absolute" for the same of absolute differences, "relative" for the
            squared one over the style image's own.
        own: the style image's squared variation, for "relative".
    """
    loss = VARIATION_LOSSES[form]
    across, down = image[..., :, 1:] - image[..., :, :-1], image[..., 1:, :] - image[..., :-1, :]
    return (loss.each(across).mean() + loss.each(down).mean()) / loss.over(image.shape[1], lambda: own)
