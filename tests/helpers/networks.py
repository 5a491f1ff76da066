"""Networks that tests build from `vgg16-hed`, for what cannot be downloaded everywhere."""

from __future__ import annotations

from dataclasses import replace

import torch

from playground.networks.catalogue import CHANNELS
from playground.networks.read import Weights


def identity_vgg19(weights16: Weights) -> Weights:
    """A VGG19 that computes what `weights16` computes: its extra convolutions are identity kernels.

    conv3_4, conv4_4 and conv5_4 follow a ReLU, so an identity kernel without bias changes nothing, and every layer
    that both architectures have must give exactly VGG16's output.
    """
    tensors = dict(weights16.tensors)
    for layer in ("conv3_4", "conv4_4", "conv5_4"):
        channels = CHANNELS[layer]
        kernel = torch.zeros(channels, channels, 3, 3)
        kernel[:, :, 1, 1] = torch.eye(channels)
        tensors[f"{layer}.weight"] = kernel
        tensors[f"{layer}.bias"] = torch.zeros(channels)
    network = replace(weights16.network, name="identity-vgg19", architecture="vgg19")
    return replace(weights16, network=network, tensors=tensors)
