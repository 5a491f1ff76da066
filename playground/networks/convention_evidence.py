"""Which input convention a network was trained in, by what its kernels and biases are: two witnesses that know nothing of its name.

Called by network_facts.py, which says so where a file was taken for the other. Downloads and keeps nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor

from playground.networks.read import Weights
from playground.networks.strength import mean_squares, photographs
from playground.networks.vgg import Vgg

LAYER, SIDE = "conv4_3", 128  # deep enough for its biases to have added up, whatever the photographs' size
# `grey_share` is 2e-3 on `vgg16-hed` and 9e-7 on its port to torch's convention. One that was trained there may come in between,
# since there biases matter to it: between these two nothing is said.
MOST_IN_TORCH, LEAST_IN_CAFFE = 5e-5, 1e-3
# Red's kernels over blue's: 1.17 on `vgg16-hed`, 1.15 to 1.60 on three other networks trained on photographs.
CLEARLY = 1.05


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
    network = Vgg(weights)
    layers = network.layers[: network.layers.index(LAYER) + 1]
    squares = [
        [mean_squares(network, picture, layers)[LAYER] for picture in (photo, torch.zeros_like(photo))]
        for photo in photographs(SIDE, "caffe", weights.network.convention)
    ]
    of_photographs, of_grey = (sum(column) for column in zip(*squares, strict=True))
    return of_grey / of_photographs if of_photographs else 0.0
