"""Painting a content image like any style image, or like a blend of up to four, in one pass and without training.

Called by the command line, the page and engine's callers; the graph stands in networks/any_painting.py. It must not know
where a style image came from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from playground.errors import PlaygroundError
from playground.networks.any_painting import blended, load_any_painting, style_numbers
from playground.recipe.styles import MAX_STYLES

ONE_PASS_PIXELS = 14_000_000  # that one pass paints: about 3 GB; a larger picture is painted so large and then enlarged


class AnyStylizer:
    """Paints like one style image, or like several at once; used as a `Stylizer` is.

    Args:
        styles: clean RGB pictures, one to four, each with its weight, of which at least one is above zero.
        title: what the style is called.
        device: where to paint.

    Raises:
        PlaygroundError: none or too many style images, a weight below zero or no number, or none above zero.
        WeightsMissing: the network is not on this machine; the text says how to get it.
    """

    def __init__(self, styles: Sequence[tuple[Image.Image, float]], title: str, device: str = "cpu") -> None:
        check_weights([weight for _, weight in styles])
        self.title, self.device = title, torch.device(device)
        predictor, self._transformer = load_any_painting(device)
        self.style = blended([(style_numbers(predictor, image), weight) for image, weight in styles])

    def __call__(self, content: Tensor, tile: int | None = None) -> Tensor:
        """Unit RGB 1×3×H×W, at least 8 px a side, as the style images would have it, at the same size, in (0, 1).

        Args:
            tile: not used; the network is so small that any picture up to `ONE_PASS_PIXELS` is painted in one piece.
        """
        height, width = content.shape[-2:]
        factor = (ONE_PASS_PIXELS / (height * width)) ** 0.5
        if factor >= 1:
            return self._transformer(content, self.style)
        smaller = F.interpolate(content, size=(round(height * factor), round(width * factor)), mode="area")
        painted = self._transformer(smaller, self.style)
        return F.interpolate(painted, size=(height, width), mode="bicubic", align_corners=False).clamp_(0, 1)


def check_weights(weights: Sequence[float]) -> None:
    """Refuse weights that nothing can be blended by.

    Raises:
        PlaygroundError: there is none or more than `MAX_STYLES`, one is below zero or no finite number, or none is above zero.
    """
    if not 1 <= len(weights) <= MAX_STYLES:
        raise PlaygroundError(f"blend one to {MAX_STYLES} styles, not {len(weights)}")
    for weight in weights:
        if not 0 <= weight < math.inf:  # also refuses NaN
            raise PlaygroundError(f"a style's weight must be a number of 0 or more, not {weight:g}")
    if not sum(weights) > 0:
        raise PlaygroundError("at least one style needs a weight above 0")
    if sum(weights) == math.inf:
        raise PlaygroundError("the weights are too large to be added up: only their ratio counts, so give smaller ones")
