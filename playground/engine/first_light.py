"""First light: what a network for any style makes of the content image at once, shown until the picture is as large.

Called by painting.py. Nothing is painted with it: a run with it and one without it paint the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from playground.engine.canvas import resample
from playground.images.convert import resize_picture, to_tensor
from playground.networks.any_painting import blended, load_any_painting, style_numbers
from playground.networks.catalogue import WeightsMissing
from playground.recipe.model import Recipe
from playground.recipe.styles import for_styles

NOTE = (
    "first light: a network for any painting shows at once what may become of the photo; painting begins at the photo"
)


def first_light(
    content: Image.Image, styles: Sequence[Image.Image], recipe: Recipe, device: torch.device
) -> Tensor | None:
    """The content image in the style images' style at the result's size, unit RGB 1×3×H×W.

    None where the recipe does not ask for it or starts from anything but the content image, and where the network is not on this
    machine: a picture less to look at is no reason to wait.
    """
    if not recipe.first_light or recipe.init != "content":
        return None
    try:
        predictor, transformer = load_any_painting(device.type)
    except WeightsMissing:
        return None
    weights = for_styles(recipe.style_weights, len(styles))
    style = blended([(style_numbers(predictor, one), weight) for one, weight in zip(styles, weights, strict=True)])
    return transformer(to_tensor(resize_picture(content, recipe.size)), style)


def was_shown(notes: Sequence[str]) -> bool:
    """Whether first light was shown before a run had painted anything, as its notes tell."""
    return any(NOTE in note for note in notes)


@torch.no_grad()
def lit(image: Tensor, light: Tensor) -> Tensor:
    """A smaller picture on its way, enlarged, with the detail of first light for which it has no room yet."""
    size, smaller = tuple(light.shape[-2:]), tuple(image.shape[-2:])
    detail = light - resample(resample(light, smaller), size)
    return (resample(image, size) + detail).clamp(0, 1)
