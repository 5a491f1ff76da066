"""Which input convention a network was trained in, by what its kernels and biases are: two witnesses that know nothing of its name.

Called by known.py, which says so where a file was taken for the other. Downloads and keeps nothing.
"""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor

from playground.images.convert import resize_picture, to_tensor
from playground.networks.read import Weights
from playground.networks.strength import PHOTOGRAPHS, scaled
from playground.networks.vgg import Vgg

LAYER, SIDE = "conv4_3", 128  # deep enough for its biases to have added up, whatever the photographs' size
# `grey_share` is 2e-3 on `vgg16-hed` and 9e-7 on its port to torch's convention. One that was trained there may come in between,
# since there biases matter to it: between these two nothing is said.
MOST_IN_TORCH, LEAST_IN_CAFFE = 5e-5, 1e-3
CLEARLY = (
    1.05  # red's kernels over blue's: 1.17 on `vgg16-hed`, 1.15 to 1.60 on three other networks trained on photographs
)


def trained_in(weights: Weights) -> str:
    """ "caffe" or "torch"; "" where the witnesses disagree or neither tells."""
    told = {by_colours(weights), by_grey(weights)} - {""}
    return told.pop() if len(told) == 1 else ""


def by_colours(weights: Weights) -> str:
    """The order of its channels: of the outer two, blue is the one whose fine differences count for less.

    Blue has a ninth of a photograph's light, and its fine differences are mostly the noise of cameras and of JPEG.
    """
    first, last = (_fineness(weights.tensors["conv1_1.weight"][:, channel]) for channel in (0, 2))
    if last > CLEARLY * first:
        return "caffe"
    return "torch" if first > CLEARLY * last else ""


def _fineness(kernels: Tensor) -> float:
    """Norm of the kernels of one channel (out, 3, 3), each without its mean."""
    return (kernels - kernels.mean((1, 2), keepdim=True)).square().sum().sqrt().item()


def by_grey(weights: Weights) -> str:
    """The scale of its input, 255 or about 4 from black to white: how little its biases are beside photographs on caffe's."""
    share = grey_share(weights)
    if share >= LEAST_IN_CAFFE:
        return "caffe"
    return "torch" if 0 < share <= MOST_IN_TORCH else ""  # 0: it has no biases


def grey_share(weights: Weights) -> float:
    """What plain grey gives in a deep layer, on caffe's scale, as a share of what photographs give there (mean squares).

    Grey, the mean colour, goes in as zeros, so that its maps are made of biases alone. Biases are learnt for the scale on
    which pictures came in: beside photographs sixty times as large as those it was trained on they vanish. A network
    whose layers are rescaled, biases and all, has the same share; one without biases has 0.
    """
    from skimage import data  # slow to import, and only needed here

    network = Vgg(weights)
    squares = []
    with torch.inference_mode():
        for name in PHOTOGRAPHS:
            unit = to_tensor(resize_picture(Image.fromarray(getattr(data, name)()), SIDE))
            photo = scaled(unit, "caffe", weights.network.convention)
            squares.append([_mean_square(network, picture) for picture in (photo, torch.zeros_like(photo))])
    photographs, grey = (sum(column) for column in zip(*squares, strict=True))
    return grey / photographs if photographs else 0.0


def _mean_square(network: Vgg, picture: Tensor) -> float:
    maps: dict[str, Tensor] = {}
    network.walk(picture, network.layers[: network.layers.index(LAYER) + 1], [LAYER], maps)
    return maps[LAYER].square().mean(dtype=torch.float64).item()
