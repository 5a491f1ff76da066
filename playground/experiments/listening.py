"""Listening to an edit of a style image: one look of the network, told beside two marks, the same and another style image.

Called by the command line and the Lab. Looks only, paints nothing, and knows neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from playground.images.convert import resize_picture, to_tensor
from playground.images.load import load_picture
from playground.lens.distances import LAYERS
from playground.lens.ears import Heard, heard, in_words
from playground.lens.edits import edited
from playground.networks.vgg import Vgg
from playground.recipe.presets import PRESET_FOLDER

LISTENED = 256  # pixels, the long side at which a style image is looked at
OTHERS = ("mosaic", "ink_wash")  # quite another style image than the one that is listened to: the first, or the second


@dataclass(frozen=True)
class Listened:
    """An edited style image and what was noticed of it.

    Attributes:
        another: the style distance of quite another style image, the second mark of a meter.
    """

    picture: Image.Image
    found: Heard
    another: float
    said: str


def listen(style_image: Image.Image, edit: str, amount: float | None, network: Vgg) -> Listened:
    """What the losses notice of an edit of a style image (clean RGB); the edit "" changes nothing.

    Raises:
        KeyError: there is no such edit.
    """
    before = resize_picture(style_image, LISTENED)
    after = edited(before, edit, amount) if edit else before
    first = _maps(before, network)
    found = heard(first, _maps(after, network) if edit else first)
    another = heard(first, _maps(_another(before), network)).style
    return Listened(after, found, another, in_words(found, another))


@torch.no_grad()
def _maps(picture: Image.Image, network: Vgg) -> Mapping[str, Tensor]:
    return network(to_tensor(picture).to(network.device), LAYERS)


def _another(style_image: Image.Image) -> Image.Image:
    """A style image of ours that is not this one."""
    for name in OTHERS:
        other = resize_picture(load_picture(PRESET_FOLDER / "styles" / f"{name}.jpg"), LISTENED)
        if other.tobytes() != style_image.tobytes():
            break
    return other
