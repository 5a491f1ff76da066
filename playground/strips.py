"""What the objective asks of a picture, with little memory: maps of content layers, Gram matrices of style layers.

A large picture's first two blocks, which hold two thirds of all activations, are taken in horizontal strips: their
Gram matrices are gathered strip by strip and nothing is kept, the way back computes each strip anew, and the third
block too. Called by objective.py.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

from playground.features import Vgg
from playground.gram import StyleStatistic, gram_matrix, style_statistic

STRIPS_FROM = 600_000  # pixels; below, a strip's halo and second pass cost more than the memory is worth
STRIP_PIXELS = 65_536  # pixels of one strip, about 50 MB of activations
HALO = 8  # rows beyond a strip: its four convolutions and one pool reach 6, and two pools need multiples of 4
EARLY = ("conv1_1", "conv1_2", "conv2_1", "conv2_2")


def observe(
    network: Vgg, image: Tensor, content: Collection[str], style: Collection[str]
) -> tuple[dict[str, Tensor], dict[str, StyleStatistic]]:
    """Maps of the `content` layers and statistics of the `style` layers of unit RGB images N×3×H×W, in one pass.

    Raises:
        PlaygroundError: an unknown layer, or a picture too small.
    """
    wanted = {*content, *style}
    if not wanted:
        return {}, {}
    late = network.layers[len(EARLY) : network.deepest(wanted) + 1]
    height, width = image.shape[-2:]
    if height * width < STRIPS_FROM or not late or not set(EARLY).isdisjoint(content):
        maps = network(image, wanted)
        return {name: maps[name] for name in content}, {name: style_statistic(maps[name]) for name in style}
    network.check_size(image)
    early = [name for name in EARLY if name in style]
    pooled, *grams = _EarlyBlocks.apply(image, network, early)
    statistics = {
        name: StyleStatistic(gram, _rows(name, height) * _rows(name, width))
        for name, gram in zip(early, grams, strict=True)
    }
    maps = {}

    def block(x: Tensor, names: Sequence[str]) -> tuple[Tensor, dict[str, Tensor], dict[str, StyleStatistic]]:
        found: dict[str, Tensor] = {}
        x = network.walk(x, names, wanted, found)
        kept = {name: found[name] for name in content if name in found}
        return x, kept, {name: style_statistic(found[name]) for name in style if name in found}

    # Block 3 holds half of what is left; it is computed anew on the way back, when the deeper blocks are gone.
    third = [name for name in late if name[4] == "3"]
    x, more_maps, more_statistics = checkpoint(block, pooled, third, use_reentrant=False)
    maps |= more_maps
    statistics |= more_statistics
    if len(third) < len(late):
        _, more_maps, more_statistics = block(network.pool_maps(x), late[len(third) :])
        maps |= more_maps
        statistics |= more_statistics
    return {name: maps[name] for name in content}, {name: statistics[name] for name in style}


def _rows(name: str, rows: int) -> int:
    """Rows of a layer's maps that `rows` rows of the picture become; blocks 1 and 2 only."""
    return rows if name[4] == "1" else rows // 2


class _EarlyBlocks(torch.autograd.Function):
    """Blocks 1 and 2 of a picture: their pooled maps, and the raw Gram matrices of some of their layers."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, network: Vgg, names: list[str]) -> tuple[Tensor, ...]:
        ctx.save_for_backward(image)
        ctx.network, ctx.names = network, names
        height, width = image.shape[-2:]
        channels = network.kernels["conv2_2"].shape[0]
        pooled = image.new_empty((len(image), channels, height // 4, width // 4)).contiguous(
            memory_format=torch.channels_last
        )
        grams: list[Tensor] = []
        for top, bottom in _strips(height, width):
            part, found = _strip(network, image, top, bottom, names)
            pooled[..., top // 4 : bottom // 4, :] = part
            grams = [whole + more for whole, more in zip(grams, found, strict=True)] if grams else found
        return pooled, *grams

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, pooled_grad: Tensor, *gram_grads: Tensor) -> tuple[Tensor | None, ...]:
        (image,) = ctx.saved_tensors
        total = torch.zeros_like(image)
        for top, bottom in _strips(*image.shape[-2:]):
            whole = image.detach()
            first, last = max(0, top - HALO), min(image.shape[-2], bottom + HALO)
            rows = whole[..., first:last, :].clone().requires_grad_(True)
            with torch.enable_grad():
                part, grams = _strip(ctx.network, rows, top - first, bottom - first, ctx.names)
            torch.autograd.backward([part, *grams], [pooled_grad[..., top // 4 : bottom // 4, :], *gram_grads])
            assert rows.grad is not None
            total[..., first:last, :] += rows.grad
        return total, None, None


def _strips(height: int, width: int) -> list[tuple[int, int]]:
    """First row and row after the last of each strip; all but the last end at a multiple of 4, none has fewer rows."""
    rows = max(4 * HALO, STRIP_PIXELS // width // 4 * 4)
    tops = range(0, max(1, height - 3), rows)
    return list(zip(tops, [*tops[1:], height], strict=True))


def _strip(network: Vgg, image: Tensor, top: int, bottom: int, names: list[str]) -> tuple[Tensor, list[Tensor]]:
    """Pooled maps and Gram matrices of the picture's rows from `top` to `bottom`, seen with their halo."""
    first, last = max(0, top - HALO), min(image.shape[-2], bottom + HALO)
    found: dict[str, Tensor] = {}
    x = network.walk(network.preprocess(image[..., first:last, :]), EARLY, names, found)
    grams = []
    for name in names:
        begin = _rows(name, top - first)
        end = begin + _rows(name, bottom) - _rows(name, top)
        grams.append(gram_matrix(found[name][..., begin:end, :]))
    x = network.pool_maps(x)
    begin = (top - first) // 4
    return x[..., begin : begin + bottom // 4 - top // 4, :], grams
