"""Winograd against oneDNN's direct convolution, layer by layer and for a whole VGG16: `python -m benchmarks.winograd`.

The figures behind `playground.networks.arithmetic.winograd_pays`. Random weights and pictures: time does not
depend on their values. All variants take turns within a round, and a cell is the best of all rounds, since other work only
ever adds time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Annotated

import torch
import torch.nn.functional as F
import typer
from rich.console import Console
from rich.table import Table
from torch import Tensor

from playground.engine.statistics import style_statistic
from playground.networks import winograd
from playground.networks.arithmetic import winograd_pays

# (layer, channels in, channels out), a pool before every layer that opens a block
LAYERS = [
    ("conv1_1", 3, 64),
    ("conv1_2", 64, 64),
    ("conv2_1", 64, 128),
    ("conv2_2", 128, 128),
    ("conv3_1", 128, 256),
    ("conv3_2", 256, 256),
    ("conv3_3", 256, 256),
    ("conv4_1", 256, 512),
    ("conv4_2", 512, 512),
    ("conv4_3", 512, 512),
    ("conv5_1", 512, 512),
]
STYLE_LAYERS = {"conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"}
CONTENT_LAYER = "conv4_2"

Kernels = dict[str, tuple[Tensor, Tensor]]


def best(variants: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Milliseconds of the fastest of `rounds` calls of each variant, one of each a round, after one that warms up."""
    times: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds + 1):
        for name, call in variants.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: 1000 * min(seconds[1:]) for name, seconds in times.items()}


def random_kernels() -> Kernels:
    generator = torch.Generator().manual_seed(0)
    return {
        name: (torch.randn(o, i, 3, 3, generator=generator) * (2 / (9 * i)) ** 0.5, torch.zeros(o))
        for name, i, o in LAYERS
    }


def channels_last(kernels: Kernels) -> Kernels:
    return {
        name: (weight.contiguous(memory_format=torch.channels_last), bias) for name, (weight, bias) in kernels.items()
    }


def direct(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return F.conv2d(x, weight, bias, padding=1).relu_()


def gradient(function: Callable[..., Tensor], x: Tensor, *arguments: Tensor, grad: Tensor | None = None) -> Tensor:
    """The gradient with respect to x of function(x, *arguments)."""
    return torch.autograd.grad(function(x, *arguments), x, grad)[0]


def layer_table(size: int, rounds: int, kernels: Kernels) -> Table:
    """Every different layer at one picture size: convolution, bias and ReLU; forward, and forward with backward."""
    table = Table(title=f"{size} px, milliseconds: direct (channels-last), Winograd, ratio", title_justify="left")
    for heading in ("layer", "shape", "forward", "", "", "and back", "", "", "pays"):
        table.add_column(heading, justify="left" if heading in ("layer", "shape") else "right")
    for name, channels, outputs in LAYERS:
        if name in ("conv1_1", "conv3_3", "conv4_3"):  # three channels; and shapes that come twice
            continue
        side = size >> (int(name[4]) - 1)
        weight, bias = kernels[name]
        planes = winograd.prepare(weight)
        x = torch.randn(1, channels, side, side).contiguous(memory_format=torch.channels_last)
        grad = torch.randn(1, outputs, side, side).contiguous(memory_format=torch.channels_last)
        leaf = x.clone(memory_format=torch.preserve_format).requires_grad_(True)
        ours = partial(winograd.conv3x3, relu=True)
        times = best(
            {
                "direct": partial(direct, x, weight, bias),
                "ours": partial(ours, x, planes, bias),
                "direct, back": partial(gradient, direct, leaf, weight, bias, grad=grad),
                "ours, back": partial(gradient, ours, leaf, planes, bias, grad=grad),
            },
            rounds,
        )
        forward, back = times["ours"] / times["direct"], times["ours, back"] / times["direct, back"]
        table.add_row(
            *(name, f"{channels}→{outputs} {side}²"),
            *(f"{times['direct']:.1f}", f"{times['ours']:.1f}", f"{forward:.2f}"),
            *(f"{times['direct, back']:.1f}", f"{times['ours, back']:.1f}", f"{back:.2f}"),
            "yes" if winograd_pays(channels, outputs, side, side) else "no",
        )
    return table


def loss_as_written_down(x: Tensor, kernels: Kernels) -> Tensor:
    """Content and style loss as a first version has them: contiguous tensors, a new one after every operation."""
    loss = x.new_zeros(())
    for index, (name, _, _) in enumerate(LAYERS):
        if index and name[4] != LAYERS[index - 1][0][4]:
            x = F.max_pool2d(x, 2)
        x = F.relu(F.conv2d(x, *kernels[name], padding=1))
        if name in STYLE_LAYERS:
            rows = x.flatten(2)[0]
            loss = loss + (rows @ rows.T / rows.numel()).square().mean()
        if name == CONTENT_LAYER:
            loss = loss + x.square().mean()
    return loss


def loss_channels_last(x: Tensor, kernels: Kernels, planes: dict[str, Tensor]) -> Tensor:
    """The same with channels-last tensors, ReLU in place, half the products for the Gram's gradient, and Winograd."""
    loss = x.new_zeros(())
    for index, (name, channels, outputs) in enumerate(LAYERS):
        if index and name[4] != LAYERS[index - 1][0][4]:
            x = F.max_pool2d(x, 2)
        if name in planes and winograd_pays(channels, outputs, *x.shape[-2:]):
            x = winograd.conv3x3(x, planes[name], kernels[name][1], relu=True)
        else:
            x = F.conv2d(x, *kernels[name], padding=1).relu_()
        if name in STYLE_LAYERS:
            loss = loss + (style_statistic(x).gram[0] / x.numel()).square().mean()
        if name == CONTENT_LAYER:
            loss = loss + x.square().mean()
    return loss


def network_table(sizes: list[int], rounds: int, kernels: Kernels) -> Table:
    """A step's loss and gradient, VGG16 to conv5_1 with five style layers and one content layer."""
    table = Table(title="VGG16, loss and gradient: milliseconds, and ratio to the first column", title_justify="left")
    for heading in ("size", "contiguous", "channels-last", "ratio", "with Winograd", "ratio"):
        table.add_column(heading, justify="right")
    ordered = channels_last(kernels)
    planes = {name: winograd.prepare(weight) for name, (weight, _) in kernels.items() if min(weight.shape[:2]) >= 128}
    for size in sizes:
        plain = torch.rand(1, 3, size, size).requires_grad_(True)
        image = plain.detach().contiguous(memory_format=torch.channels_last).requires_grad_(True)
        times = best(
            {
                "plain": partial(gradient, partial(loss_as_written_down, kernels=kernels), plain),
                "ordered": partial(gradient, partial(loss_channels_last, kernels=ordered, planes={}), image),
                "ours": partial(gradient, partial(loss_channels_last, kernels=ordered, planes=planes), image),
            },
            rounds,
        )
        table.add_row(
            f"{size} px",
            f"{times['plain']:.0f}",
            f"{times['ordered']:.0f}",
            f"{times['ordered'] / times['plain']:.2f}",
            f"{times['ours']:.0f}",
            f"{times['ours'] / times['plain']:.2f}",
        )
    return table


def main(
    sizes: Annotated[list[int] | None, typer.Argument(help="Sides of the square pictures, in pixels.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Calls of each variant; the best one counts.")] = 7,
) -> None:
    """Winograd against direct convolution on this machine."""
    console = Console()
    console.print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    kernels = random_kernels()
    ordered = channels_last(kernels)
    chosen = sizes or [256, 512, 1024]
    for size in chosen:
        console.print(layer_table(size, rounds, ordered))
    console.print(network_table(chosen, rounds, kernels))


if __name__ == "__main__":
    typer.run(main)
