"""Several styles in one picture: trained networks and the network for any style image, each with its weight.

Called by the command line and the page. How a single network paints stands in apply.py and any_stylizer.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from playground.feedforward.any_stylizer import AnyStylizer, check_weights
from playground.feedforward.apply import OnePass, Stylizer
from playground.feedforward.model import Model

MAX_GAIN = 2.0  # of contrast: two results that cancel each other out would only have their noise enlarged


class BlendedStylizer:
    """The weighted mean of what several networks paint, with the contrast of the single results; used as a `Stylizer` is.

    Trained networks share no statistics that could be blended before they paint, as the style images of `AnyStylizer` do.
    Their weights can be averaged where all were trained from the same start, and then neither's strokes remain: a mosaic
    and swirls give a grey grain. So the results are averaged, in the values that pictures are stored in (in linear light it
    looks the same). Strokes of two networks do not lie on each other, so a mean is paler than either, by about a quarter;
    each channel is therefore stretched about its mean: y = μ + g·(Σᵢ wᵢ·yᵢ − μ), g = Σᵢ wᵢ·σ(yᵢ) / σ(Σᵢ wᵢ·yᵢ), which is
    never below 1, with Σᵢ wᵢ = 1.

    Args:
        parts: one to four of what paints, each with its weight, of which at least one is above zero. Only their ratio counts.
        title: what the blend is called.

    Raises:
        PlaygroundError: none or too many parts, a weight below zero or no number, or none above zero.
    """

    def __init__(self, parts: Sequence[tuple[OnePass, float]], title: str) -> None:
        check_weights([weight for _, weight in parts])
        self.title, whole = title, sum(weight for _, weight in parts)
        self._parts = [(stylizer, weight / whole) for stylizer, weight in parts if weight > 0]

    @torch.inference_mode()
    def __call__(self, content: Tensor, tile: int | None = None) -> Tensor:
        """Unit RGB 1×3×H×W in the blend, at the same size, in [0, 1].

        One network paints after the other: besides its own memory there is one more picture, their sum so far. A single
        network with a weight paints what it does by itself, to the bit.
        """
        (first, fraction), *others = self._parts
        total = first(content, tile)
        if not others:
            return total
        contrast = _contrast(total) * fraction
        total = total * fraction
        for stylizer, fraction in others:
            painted = stylizer(content, tile)
            contrast += _contrast(painted) * fraction
            total.add_(painted, alpha=fraction)
            del painted  # before the next is asked for
        mean = total.mean((2, 3), keepdim=True)
        gain = (contrast / _contrast(total).clamp_min(1e-6)).clamp_(1, MAX_GAIN)
        return total.sub_(mean).mul_(gain).add_(mean).clamp_(0, 1)


def _contrast(painted: Tensor) -> Tensor:
    """Standard deviation of each channel over the picture, 1×3×1×1."""
    return painted.std((2, 3), correction=0, keepdim=True)


def blended_stylizer(styles: Sequence[tuple[Model | Image.Image, float]], title: str, device: str = "cpu") -> OnePass:
    """What paints in one to four styles, each a trained network or a style image, with its weight.

    Style images become one blend of the network for any of them, which then counts for the sum of their weights. What has
    no weight is not made ready.

    Raises:
        PlaygroundError: as `BlendedStylizer`.
        WeightsMissing: there is a style image, and the network for any is not on this machine.
    """
    check_weights([weight for _, weight in styles])
    parts: list[tuple[OnePass, float]] = []
    for style, weight in styles:
        if isinstance(style, Model) and weight > 0:
            parts.append((Stylizer(style, device), weight))
    images = [(style, weight) for style, weight in styles if not isinstance(style, Model)]
    if any(weight > 0 for _, weight in images):
        parts.append((AnyStylizer(images, title, device), sum(weight for _, weight in images)))
    return BlendedStylizer(parts, title)
