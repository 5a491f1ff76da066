"""Pairs and Echo as somebody looks at them: pictures and a layer in, and out what is small enough for a page to play with.

Called by the page and the command line. Shallow layers have more positions than can be sent: for Pairs the pictures are made
smaller, so that every product is there; for Echo every few positions are left out, so that what a position sees stays the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from playground.images.convert import resize_picture, to_tensor
from playground.lens import products, similarity
from playground.lens.receptive_fields import receptive_field
from playground.networks.vgg import MIN_SIDE, Vgg

LOOKED = 256  # pixels, the longest side that is ever looked at
PAIRS_POSITIONS = 4200  # of a picture: 12 maps of three pictures in eight bits are 151 kB, 202 kB as text
ECHO_POSITIONS = 2000  # 24 directions of three pictures are 144 kB, 192 kB as text
SPACING = 4  # pixels at least between two positions of Echo


@dataclass(frozen=True)
class Touched:
    """What is shown of one picture's Gram matrix.

    Attributes:
        maps: of the channels that are shown.
        cells: n×n, their block of the Gram matrix over positions, exact.
    """

    maps: products.Maps
    cells: np.ndarray


@dataclass(frozen=True)
class Pairs:
    """A few channels of a layer in a content image, a style image and, where there is one, a picture painted of them.

    Attributes:
        side: long side in pixels at which the pictures were looked at.
        channels: the most different between content image and style image, the first the most.
        fraction: of the difference between their Gram matrices that lies in these channels' block, 0 to 1.
        all_channels: how many the layer has.
    """

    layer: str
    side: int
    channels: tuple[int, ...]
    fraction: float
    all_channels: int
    content: Touched
    style: Touched
    shown: Touched | None


@dataclass(frozen=True)
class Seen:
    """What a layer finds alike in some pictures, at every `step`-th position.

    Attributes:
        echo: of those positions, in the order of the pictures.
        sizes: (width, height) in pixels at which they were looked at.
    """

    layer: str
    step: int
    echo: similarity.Echo
    sizes: tuple[tuple[int, int], ...]


def pairs(content: Image.Image, style: Image.Image, shown: Image.Image | None, layer: str, network: Vgg) -> Pairs:
    """The Gram matrix to touch, of clean RGB pictures; the channels are those that tell content image and style image apart.

    Raises:
        PlaygroundError: the network has no such layer.
    """
    side = _side([content, style], layer, network, PAIRS_POSITIONS)
    ours, theirs = (_features(picture, side, layer, network) for picture in (content, style))
    channels = tuple(products.strongest_channels(ours, theirs))
    fraction = products.block_fraction(ours, theirs, channels)
    third = _touched(_features(shown, side, layer, network), channels) if shown is not None else None
    return Pairs(
        layer, side, channels, fraction, ours.shape[1], _touched(ours, channels), _touched(theirs, channels), third
    )


def beside(seen: Pairs, shown: Image.Image, network: Vgg) -> Touched:
    """Another picture painted of the same two, in the same channels and at the same size."""
    return _touched(_features(shown, seen.side, seen.layer, network), seen.channels)


def echo(pictures: Sequence[Image.Image], layer: str, network: Vgg) -> Seen:
    """What a layer finds alike in clean RGB pictures.

    Raises:
        PlaygroundError: the network has no such layer.
    """
    stride = _stride(layer, network)
    step = max(1, SPACING // stride)
    side = _side(pictures, layer, network, ECHO_POSITIONS, step)
    maps, sizes = [], []
    for picture in pictures:
        small = _small(picture, side)
        maps.append(_of(small, layer, network)[..., ::step, ::step])
        sizes.append(small.size)
    return Seen(layer, step, similarity.echo(maps), tuple(sizes))


def _touched(features: Tensor, channels: Sequence[int]) -> Touched:
    return Touched(products.maps_of(features, channels), products.block(features, channels))


def _stride(layer: str, network: Vgg) -> int:
    network.deepest([layer])  # refuses a layer that there is not
    return receptive_field(layer, network.network.architecture).stride


def _side(pictures: Sequence[Image.Image], layer: str, network: Vgg, positions: int, step: int = 1) -> int:
    """The long side at which the squarest of some pictures has at most so many positions, every `step`-th counted."""
    squarest = max(min(picture.size) / max(picture.size) for picture in pictures)
    apart = _stride(layer, network) * step
    return min(LOOKED, math.floor(apart * math.sqrt(positions / squarest)))


def _small(picture: Image.Image, side: int) -> Image.Image:
    """A picture at that size, or at the least the network can take of a strip."""
    return resize_picture(picture, max(side, math.ceil(MIN_SIDE * max(picture.size) / min(picture.size))))


def _features(picture: Image.Image, side: int, layer: str, network: Vgg) -> Tensor:
    return _of(_small(picture, side), layer, network)


@torch.no_grad()
def _of(picture: Image.Image, layer: str, network: Vgg) -> Tensor:
    return network(to_tensor(picture).to(network.device), [layer])[layer]
