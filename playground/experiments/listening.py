"""Listening to an edit of a style image: one look of the network, told beside two marks, the same and another style image.

Called by the command line and the Lab. Looks only, paints nothing, and knows neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from PIL import Image

from playground.images.convert import resize_picture, to_tensor
from playground.images.load import load_picture
from playground.lens.distances import LAYERS
from playground.lens.ears import Heard, Seen, heard, in_words, seen
from playground.lens.edits import edited
from playground.networks.vgg import Vgg
from playground.recipe.presets import PRESET_FOLDER

LISTENED = 256  # pixels, the long side at which a style image is looked at
KEPT = 8  # pictures of which it is kept what is compared, 4 MB each, so that an edit costs one look: its own
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
    first = _kept(before.tobytes(), before.size, network)
    found = heard(first, _seen(after, network) if edit else first)
    other = _another(before.tobytes())
    another = heard(first, _kept(other.tobytes(), other.size, network)).style
    return Listened(after, found, another, in_words(found, another))


@torch.no_grad()
def _seen(picture: Image.Image, network: Vgg) -> Seen:
    return seen(network(to_tensor(picture).to(network.device), LAYERS))


@lru_cache(KEPT)
def _kept(pixels: bytes, size: tuple[int, int], network: Vgg) -> Seen:
    """Of a picture that is asked for again: a style image whose edits are listened to, and another to compare with."""
    return _seen(Image.frombytes("RGB", size, pixels), network)


def _another(pixels: bytes) -> Image.Image:
    """A style image of ours that is not this one."""
    first, second = (_ours(name) for name in OTHERS)
    return second if first.tobytes() == pixels else first


@lru_cache(len(OTHERS))
def _ours(name: str) -> Image.Image:
    return resize_picture(load_picture(PRESET_FOLDER / "styles" / f"{name}.jpg"), LISTENED)
