"""What the objective asks of a picture, with little memory: maps of content layers, Gram matrices of style layers.

A large picture's first three blocks, which hold nearly all activations, are taken in horizontal strips: blocks 1 and 2
together, then block 3. Gram matrices are gathered strip by strip and no maps are kept but those of content layers; the
way back computes each strip anew. Called by losses.py.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from playground.engine.guided import Guide, Positions, guided_statistic, guided_sums
from playground.engine.statistics import StyleStatistic, style_statistic
from playground.networks.vgg import Vgg

STRIPS_FROM = 600_000  # pixels; below, a strip's halo and second pass cost more than the memory is worth
BYTES_EACH = 2200  # of maps and their gradients for each pixel of a picture taken whole


@dataclass(frozen=True)
class Segment:
    """Neighbouring blocks that are taken in strips together, with the pool behind them.

    Attributes:
        blocks: their numbers, as in the layers' names.
        halo: rows beyond a strip that its convolutions and pools reach, of what the first layer takes.
        shrink: rows of that which become one row behind the last pool; strips begin at its multiples.
        positions: of a strip without its halo; about 200 MB of maps and their gradients.
    """

    blocks: str
    halo: int
    shrink: int
    positions: int

    def rows(self, width: int) -> int:
        """Rows of a strip of what the first layer takes."""
        return max(4 * self.halo, self.positions // width // self.shrink * self.shrink)

    def growth(self, width: int) -> float:
        """Rows of a strip with its halo over its own."""
        return (self.rows(width) + 2 * self.halo) / self.rows(width)

    def strips(self, height: int, width: int) -> list[tuple[int, int]]:
        """First row and row after the last of each strip; all but the last are equal, none has fewer rows."""
        tops = range(0, max(1, height - self.shrink + 1), self.rows(width))
        return list(zip(tops, [*tops[1:], height], strict=True))

    def scale(self, name: str) -> int:
        """How many rows of what the first layer takes become one row of a layer."""
        return 2 ** (int(name[4]) - int(self.blocks[0]))


# The four convolutions and one pool of blocks 1 and 2 reach 6 rows; those of block 3 reach 3, in VGG19 4.
SEGMENTS = (Segment("12", halo=8, shrink=4, positions=131_072), Segment("3", halo=4, shrink=2, positions=16_384))


def strips_from(device: str) -> int:
    """Pixels from which a picture is taken in strips on a device.

    On CUDA they cost half as much again and memory is there to be used: only from where the maps would take a quarter
    of it. The rule looks at the whole memory, not at what is free, so that a run paints the same each time.
    """
    if device != "cuda" or not torch.cuda.is_available():
        return STRIPS_FROM
    return max(STRIPS_FROM, torch.cuda.get_device_properties(0).total_memory // 4 // BYTES_EACH)


def segments(names: Collection[str], pixels: int, device: str = "cpu") -> list[tuple[Segment, list[str]]]:
    """What of a network's first layers `names` is taken in strips in a picture of so many pixels: nothing below
    `strips_from(device)`, and never the block that the pass stops in.
    """
    if pixels < strips_from(device):
        return []
    deepest = max((name[4] for name in names), default="0")
    return [
        (segment, [name for name in names if name[4] in segment.blocks])
        for segment in SEGMENTS
        if segment.blocks[-1] < deepest
    ]


def observe(
    network: Vgg,
    image: Tensor,
    content: Collection[str],
    style: Collection[str],
    guide: Guide | None = None,
    as_computed: bool = False,
) -> tuple[dict[str, Tensor], dict[str, StyleStatistic]]:
    """Maps of the `content` layers and statistics of the `style` layers of unit RGB images N×3×H×W, in one pass.

    Args:
        guide: regions of the one picture, whose statistics are then given apart, one after the other.
        as_computed: maps in the precision that the network computes in, of which float32 takes twice as much; else in float32.

    Raises:
        PlaygroundError: an unknown layer, or a picture too small.
    """
    wanted = {*content, *style}
    if not wanted:
        return {}, {}
    names = list(network.layers[: network.deepest(wanted) + 1])
    network.check_size(image)
    maps: dict[str, Tensor] = {}
    statistics: dict[str, StyleStatistic] = {}
    x = image
    in_strips = segments(names, image.shape[-2] * image.shape[-1], image.device.type)
    for segment, layers in in_strips:
        kept, judged = [name for name in layers if name in content], [name for name in layers if name in style]
        height, width = x.shape[-2:]
        x, *found = _Strips.apply(x, network, segment, layers, kept, judged, guide)
        maps |= zip(kept, found, strict=False)
        sums = found[len(kept) :]
        for name, gram, sum_ in zip(judged, sums[::2], sums[1::2], strict=True):
            scale = segment.scale(name)
            whole = StyleStatistic(gram, sum_, (height // scale) * (width // scale))
            statistics[name] = whole if guide is None else guided_statistic(gram, sum_, guide, scale_of(name))
        names = names[len(layers) :]
    found_whole: dict[str, Tensor] = {}
    network.walk(network.preprocess(x) if x is image else x, names, wanted, found_whole, sparing=bool(in_strips))
    maps |= {name: found_whole[name] for name in content if name in found_whole}
    if not as_computed:
        maps = {name: its.float() for name, its in maps.items()}
    for name in style:
        if name in found_whole and guide is None:
            statistics[name] = style_statistic(found_whole[name])
        elif name in found_whole:
            assert guide is not None
            scale = scale_of(name)
            statistics[name] = guided_statistic(*guided_sums(found_whole[name], guide.positions(scale)), guide, scale)
    return maps, statistics


def scale_of(name: str) -> int:
    """How many of the picture's pixels become one position of a layer, each way."""
    return 2 ** (int(name[4]) - 1)


class _Strips(torch.autograd.Function):
    """A segment of the network: the pooled maps, the maps of its content layers, Gram matrix and sums of each style layer."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, network: Vgg, segment: Segment, layers: list[str], kept: list[str], judged: list[str],
        guide: Guide | None,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        ctx.save_for_backward(x)
        ctx.guide = guide
        ctx.network, ctx.segment, ctx.layers, ctx.kept, ctx.judged = network, segment, layers, kept, judged
        ctx.scales = [segment.shrink, *(segment.scale(name) for name in kept)]
        height, width = x.shape[-2:]
        types = [network.precision(name) for name in (layers[-1], *kept)]
        wholes = [
            _empty(x, network.kernels[name].shape[0], height // scale, width // scale, kind)
            for name, scale, kind in zip([layers[-1], *kept], ctx.scales, types, strict=True)
        ]
        sums: list[Tensor] = []
        for top, bottom in segment.strips(height, width):
            parts, found = walked_strip(
                network, segment, x, top, bottom, layers, kept, judged, _rows_of(guide, top, bottom)
            )
            for whole, part, scale in zip(wholes, parts, ctx.scales, strict=True):
                whole[..., top // scale : bottom // scale, :] = part
            sums = [so_far + more for so_far, more in zip(sums, found, strict=True)] if sums else found
        return *wholes, *sums

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (x,) = ctx.saved_tensors
        segment: Segment = ctx.segment
        height, width = x.shape[-2:]
        whole_gradients, sum_gradients = gradients[: 1 + len(ctx.kept)], gradients[1 + len(ctx.kept) :]
        total = torch.zeros_like(x)
        for top, bottom in segment.strips(height, width):
            first, last = max(0, top - segment.halo), min(height, bottom + segment.halo)
            rows = x.detach()[..., first:last, :].clone().requires_grad_(True)
            with torch.enable_grad():
                parts, sums = walked_strip(
                    ctx.network, segment, rows, top - first, bottom - first, ctx.layers, ctx.kept, ctx.judged,
                    _rows_of(ctx.guide, top, bottom),
                )  # fmt: skip
            wanted = [
                gradient[..., top // scale : bottom // scale, :]
                for gradient, scale in zip(whole_gradients, ctx.scales, strict=True)
            ]
            torch.autograd.backward([*parts, *sums], [*wanted, *sum_gradients])
            assert rows.grad is not None
            total[..., first:last, :] += rows.grad
            del parts, sums, rows  # before the next strip is walked
        return total, None, None, None, None, None, None


def _empty(x: Tensor, channels: int, height: int, width: int, kind: torch.dtype) -> Tensor:
    return x.new_empty((len(x), channels, height, width), dtype=kind).contiguous(memory_format=torch.channels_last)


def walked_strip(
    network: Vgg,
    segment: Segment,
    x: Tensor,
    top: int,
    bottom: int,
    layers: list[str],
    kept: list[str],
    judged: list[str],
    positions: Callable[[str, int], Positions] | None = None,
) -> tuple[list[Tensor], list[Tensor]]:
    """Of the rows from `top` to `bottom`, seen with their halo: pooled maps and content layers' maps, then Gram matrix and
    sums by style layer.

    Args:
        positions: of the regions in a layer's rows, given its name and the segment's scale of it.
    """
    first, last = max(0, top - segment.halo), min(x.shape[-2], bottom + segment.halo)
    rows = x[..., first:last, :]
    found: dict[str, Tensor] = {}
    behind = network.walk(
        network.preprocess(rows) if layers[0] == network.layers[0] else rows,
        layers,
        {*kept, *judged},
        found,
        sparing=True,
    )

    def own(maps: Tensor, scale: int) -> Tensor:
        begin = (top - first) // scale
        return maps[..., begin : begin + bottom // scale - top // scale, :]

    parts = [
        own(network.pool_maps(behind, sparing=True), segment.shrink),
        *(own(found[name], segment.scale(name)) for name in kept),
    ]
    sums: list[Tensor] = []
    for name in judged:
        maps = own(found[name], segment.scale(name))
        if positions is None:
            statistic = style_statistic(maps)
            sums += [statistic.gram, statistic.sums]
        else:
            sums += guided_sums(maps, positions(name, segment.scale(name)))
    return parts, sums


def _rows_of(guide: Guide | None, top: int, bottom: int) -> Callable[[str, int], Positions] | None:
    """Where a guide's regions are in the rows of a strip, of what the segment's first layer takes."""
    if guide is None:
        return None
    return lambda name, scale: guide.positions(scale_of(name), top // scale, bottom // scale)
