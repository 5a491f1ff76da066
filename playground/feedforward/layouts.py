"""Other trainers' names for the same network's tensors, and how theirs become ours.

Called by model.py alone, with tensors that were read already.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from playground.errors import PlaygroundError
from playground.networks.normalisation import TORCH_MEAN, TORCH_STD


class ModelError(PlaygroundError):
    """A model's file that is not there, cannot be used, or cannot be written."""


def _layers(blocks: int) -> Iterator[tuple[str, str, str]]:
    """Every layer's name here, in eriklindernoren's trainer, and its convolution's in pytorch/examples."""
    for i in (1, 2, 3):
        yield f"down{i}", f"model.{i - 1}", f"conv{i}"
    for i in range(blocks):
        for j, name in enumerate(("first", "second")):
            yield f"residuals.{i}.{name}", f"model.{i + 3}.block.{j}", f"res{i + 1}.conv{j + 1}"
    for i, name in enumerate(("up1", "up2", "out")):
        yield name, f"model.{blocks + 3 + i}", f"deconv{i + 1}"


def _examples_norm(conv: str) -> str:
    """pytorch/examples' name of the normalisation behind a convolution."""
    if conv.startswith("res"):
        return conv.replace("conv", "in")
    return f"in{int(conv[-1]) + (3 if conv.startswith('deconv') else 0)}"


def names_in_layout(blocks: int, layout: str) -> dict[str, str]:
    """This project's name of every tensor to the layout's."""
    names = {}
    for ours, linder, examples in _layers(blocks):
        for kind in ("weight", "bias"):
            conv, norm = {
                "playground": (f"{ours}.conv", f"{ours}.norm"),
                "eriklindernoren": (f"{linder}.block.1", f"{linder}.norm"),
                "pytorch/examples": (f"{examples}.conv2d", _examples_norm(examples)),
            }[layout]
            names[f"{ours}.conv.{kind}"] = f"{conv}.{kind}"
            if ours != "out":
                names[f"{ours}.norm.{kind}"] = f"{norm}.{kind}"
    return names


_FIRST_KEYS = {
    "playground": "down1.conv.weight",
    "eriklindernoren": "model.0.block.1.weight",
    "pytorch/examples": "conv1.conv2d.weight",
}
_RESIDUAL_KEYS = {
    "playground": "residuals.{}.first.conv.weight",
    "eriklindernoren": "model.{}.block.0.block.1.weight",
    "pytorch/examples": "res{}.conv1.conv2d.weight",
}
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")  # of old InstanceNorms, which never used them


def in_own_names(tensors: dict[str, Tensor], file: str) -> tuple[dict[str, Tensor], str]:
    """The tensors under this project's names, and the layout they were in."""
    tensors = {name.removeprefix("module."): value for name, value in tensors.items() if not name.endswith(_STATISTICS)}
    layout = next((layout for layout, key in _FIRST_KEYS.items() if key in tensors), None)
    if layout is None:
        first = next(iter(tensors), None)
        found = f"its first key is {first!r}" if first else "it is empty"
        raise ModelError(f"{file!r} is no style network in a layout that is known here: {found}.")
    start = {"playground": 0, "eriklindernoren": 3, "pytorch/examples": 1}[layout]
    blocks = 0
    while _RESIDUAL_KEYS[layout].format(start + blocks) in tensors:
        blocks += 1
    names = names_in_layout(blocks, layout)
    for theirs in names.values():
        if theirs not in tensors:
            raise ModelError(f"{file!r} looks like a model of {layout}, but has no {theirs!r}.")
    extra = next((name for name in tensors if name not in set(names.values())), None)
    if extra is not None:
        raise ModelError(f"{file!r} looks like a model of {layout}, but {extra!r} does not belong to one.")
    return {ours: tensors[theirs] for ours, theirs in names.items()}, layout


def fold_range(tensors: dict[str, Tensor]) -> None:
    """Let a network for pictures in [0, 255] take and give torch's convention, exactly, by its outer convolutions.

    255·unit = 255·(std·x + mean), so the first weights take 255·std and its bias the rest; the output goes back alike.
    Exact at the edges too, since padding mirrors the picture instead of adding zeros.
    """
    mean, std = torch.tensor(TORCH_MEAN), torch.tensor(TORCH_STD)
    weight = tensors["down1.conv.weight"].float()
    tensors["down1.conv.bias"] = tensors["down1.conv.bias"] + (weight.sum((2, 3)) * mean * 255).sum(1)
    tensors["down1.conv.weight"] = weight * (255 * std).view(1, 3, 1, 1)
    tensors["out.conv.weight"] = tensors["out.conv.weight"].float() / (255 * std).view(3, 1, 1, 1)
    tensors["out.conv.bias"] = (tensors["out.conv.bias"].float() / 255 - mean) / std
