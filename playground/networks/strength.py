"""How strong the layers of a network are: the mean square of each one's maps on four bundled photographs.

Called by network_facts.py, which turns a preset's numbers into those for another network. What was measured is kept beside the
downloads, by the file's hash. It knows no recipe and no loss.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import torch
from PIL import Image
from torch import Tensor

from playground.images.convert import resize_picture, to_tensor
from playground.networks.catalogue import home
from playground.networks.normalisation import CAFFE_MEAN_BGR, TORCH_MEAN, TORCH_STD
from playground.networks.read import Weights
from playground.networks.vgg import Vgg
from playground.system.files import keep, read_kept

logger = logging.getLogger(__name__)

Strengths = dict[str, dict[str, float]]
"""By input convention ("caffe", "torch") and layer: mean square of the rectified maps."""

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")  # of scikit-image
SIDE = 256
VERSION = f"{' '.join(PHOTOGRAPHS)} at {SIDE} px"
CONVENTIONS = ("caffe", "torch")


def strengths_of(weights: Weights) -> Strengths:
    """The mean square of every layer, for the network's own input convention and for the same kernels in the other.

    Kernels and biases stay as they are. In the other convention a photograph goes in on the other's scale and minus its
    means, with its channels in the order that this file's kernels expect. Max pools, zero padding.
    """
    path = home() / "strengths" / f"{weights.sha256}-{weights.network.convention}.json"
    kept = _read(path, weights)
    if kept is None:
        kept = measured(weights)
        _write(path, kept)
    return kept


def measured(weights: Weights, layers: int | None = None) -> Strengths:
    """`strengths_of`, measured anew; of the first few layers alone, where their number is given."""
    network = Vgg(weights)
    names = network.layers[:layers]
    found: Strengths = {}
    for convention in CONVENTIONS:
        sums = dict.fromkeys(names, 0.0)
        for photo in photographs(SIDE, convention, weights.network.convention):
            for layer, square in mean_squares(network, photo, names).items():
                sums[layer] += square / len(PHOTOGRAPHS)
        found[convention] = sums
    return found


def photographs(side: int, convention: str, own: str) -> Iterator[Tensor]:
    """The bundled photographs, `side` pixels long, as `scaled` gives them."""
    from skimage import data  # slow to import, and only needed here

    for name in PHOTOGRAPHS:
        yield scaled(to_tensor(resize_picture(Image.fromarray(getattr(data, name)()), side)), convention, own)


@torch.inference_mode()
def mean_squares(network: Vgg, picture: Tensor, layers: Sequence[str]) -> dict[str, float]:
    """The mean square of each of these first layers' maps."""
    maps: dict[str, Tensor] = {}
    network.walk(picture, layers, layers, maps)
    return {layer: its.square().mean(dtype=torch.float64).item() for layer, its in maps.items()}


def scaled(unit: Tensor, convention: str, own: str) -> Tensor:
    """A unit RGB picture on the scale of `convention`, in the order of channels of a network of the convention `own`."""
    if convention == "caffe":
        values = unit * 255 - torch.tensor(CAFFE_MEAN_BGR[::-1]).view(1, 3, 1, 1)
    else:
        values = (unit - torch.tensor(TORCH_MEAN).view(1, 3, 1, 1)) / torch.tensor(TORCH_STD).view(1, 3, 1, 1)
    return (values.flip(1) if own == "caffe" else values).contiguous(memory_format=torch.channels_last)


def _read(path: Path, weights: Weights) -> Strengths | None:
    """What was kept, if it is whole and of these photographs."""
    kept = read_kept(path)
    layers = [name.removesuffix(".weight") for name in weights.tensors if name.endswith(".weight")]
    if kept.get("photographs") != VERSION:
        return None
    for convention in CONVENTIONS:
        values = kept.get(convention)
        if not isinstance(values, dict) or sorted(values) != sorted(layers):
            return None
        if not all(isinstance(value, float) and math.isfinite(value) and value >= 0 for value in values.values()):
            return None
    return {convention: cast("dict[str, float]", kept[convention]) for convention in CONVENTIONS}


def _write(path: Path, found: Strengths) -> None:
    try:
        keep(path, {"photographs": VERSION, **found})
    except OSError as error:
        logger.warning("the strengths of a network cannot be kept (%s), and are measured anew next time", error)
