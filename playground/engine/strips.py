"""What the objective asks of a picture, with little memory: maps of content layers, Gram matrices of style layers.

A large picture's first three blocks, which hold nearly all activations, are taken in horizontal strips, one block after the
other. Gram matrices are gathered strip by strip and no maps are kept but those of content layers and what each block's pool
gives; the way back computes each strip anew, but for a block's last layer: what a max pool made of that is known, and with it
which of its maps the gradient goes to. Called by losses.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from playground.engine.guided import Guide, guided_statistic, guided_sums
from playground.engine.statistics import StyleStatistic, style_statistic
from playground.networks.pools import places_of
from playground.networks.vgg import Vgg

STRIPS_FROM = 600_000  # pixels; below, a strip's halo and second pass cost more than the memory is worth
BYTES_EACH = 2200  # of maps and their gradients for each pixel of a picture taken whole


@dataclass(frozen=True)
class Segment:
    """A block that is taken in strips, with the pool behind it.

    Attributes:
        block: its number, as in the layers' names.
        halo: rows beyond a strip that its convolutions reach, even.
        positions: of a strip without its halo; about 200 MB of maps and their gradients.
    """

    block: str
    halo: int
    positions: int

    def rows(self, width: int) -> int:
        """Rows of a strip, an even number."""
        return max(4 * self.halo, self.positions // width // 2 * 2)

    def growth(self, width: int) -> float:
        """Rows of a strip with its halo over its own."""
        return (self.rows(width) + 2 * self.halo) / self.rows(width)

    def strips(self, height: int, width: int) -> list[tuple[int, int]]:
        """First row and row after the last of each strip; all but the last are equal, none has fewer rows than two."""
        tops = range(0, max(1, height - 1), self.rows(width))
        return list(zip(tops, [*tops[1:], height], strict=True))


# The two convolutions of block 1 and of block 2 reach 2 rows; those of block 3 reach 3, in VGG19 4.
SEGMENTS = (
    Segment("1", halo=2, positions=131_072),
    Segment("2", halo=2, positions=65_536),
    Segment("3", halo=4, positions=32_768),
)


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
        (segment, [name for name in names if name[4] == segment.block])
        for segment in SEGMENTS
        if segment.block < deepest
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
            whole = StyleStatistic(gram, sum_, height * width)
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


def skipped(pool: str, last: str, looked_at: Collection[str]) -> bool:
    """Whether the way back does without a block's last layer: a max pool stands behind it, and no loss looks at it."""
    return pool == "max" and last not in looked_at


class _Strips(torch.autograd.Function):
    """A segment of the network: the pooled maps, the maps of its content layers, Gram matrix and sums of each style layer."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, network: Vgg, segment: Segment, layers: list[str], kept: list[str], judged: list[str],
        guide: Guide | None,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        ctx.network, ctx.segment, ctx.layers, ctx.kept, ctx.judged, ctx.guide = (
            network, segment, layers, kept, judged, guide
        )  # fmt: skip
        height, width = x.shape[-2:]

        def empty(name: str, scale: int, kind: torch.dtype) -> Tensor:
            shape = len(x), network.kernels[name].shape[0], height // scale, width // scale
            return x.new_empty(shape, dtype=kind).contiguous(memory_format=torch.channels_last)

        pooled = empty(layers[-1], 2, network.precision(layers[-1]))
        # Of use on the way back alone, and targets and a first look at tiles have none.
        wanted = ctx.needs_input_grad[0] and skipped(network.pool, layers[-1], {*kept, *judged})
        places = empty(layers[-1], 2, torch.uint8) if wanted else None
        wholes = [empty(name, 1, network.precision(name)) for name in kept]
        sums: list[Tensor] = []
        for strip in _strips(segment, x):
            behind, found = strip.walked(network, layers, {*kept, *judged})
            maps, half = strip.own(behind), strip.half
            pooled[..., half, :] = network.pool_maps(maps, sparing=True)
            if places is not None:
                places[..., half, :] = places_of(maps, pooled[..., half, :])
            for whole, name in zip(wholes, kept, strict=True):
                whole[..., strip.top : strip.bottom, :] = found[name]
            more = strip.sums(found, judged, guide)
            sums = [so_far + its for so_far, its in zip(sums, more, strict=True)] if sums else more
        ctx.save_for_backward(x, *(() if places is None else (pooled, places)))
        return pooled, *wholes, *sums

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, *known = (saved.detach() for saved in ctx.saved_tensors)  # what is known came out of here
        layers, kept = ctx.layers[: -1 if known else None], ctx.kept
        for_pooled, for_kept, for_sums = gradients[0], gradients[1 : 1 + len(kept)], gradients[1 + len(kept) :]
        total = torch.zeros_like(x)
        for strip in _strips(ctx.segment, x):
            rows = strip.rows = strip.rows.clone().requires_grad_(True)
            with torch.enable_grad():
                behind, found = strip.walked(ctx.network, layers, {*kept, *ctx.judged})
                if known:
                    theirs = (its[..., strip.half, :] for its in known)
                    ends = ctx.network.known_pool(behind, ctx.layers[-1], *theirs, strip.top - strip.first)
                else:
                    ends = ctx.network.pool_maps(strip.own(behind), sparing=True)
                sums = strip.sums(found, ctx.judged, ctx.guide)
            wanted = [for_pooled[..., strip.half, :], *(its[..., strip.top : strip.bottom, :] for its in for_kept)]
            torch.autograd.backward([ends, *(found[name] for name in kept), *sums], [*wanted, *for_sums])
            assert rows.grad is not None
            total[..., strip.first : strip.last, :] += rows.grad
            del behind, found, ends, sums, rows  # before the next strip is walked
        return total, None, None, None, None, None, None


@dataclass
class _Strip:
    """Rows `top` to `bottom` of what a segment's first layer takes, seen with their halo: `rows`, from `first` to `last`."""

    top: int
    bottom: int
    first: int
    last: int
    rows: Tensor

    @property
    def half(self) -> slice:
        """Its own rows of what the pool behind it gives."""
        return slice(self.top // 2, self.bottom // 2)

    def own(self, maps: Tensor) -> Tensor:
        """Maps without the halo."""
        return maps[..., self.top - self.first : self.bottom - self.first, :]

    def walked(self, network: Vgg, layers: list[str], wanted: Collection[str]) -> tuple[Tensor, dict[str, Tensor]]:
        """What the last of the layers gives, with the halo, and the maps of those `wanted` without."""
        found: dict[str, Tensor] = {}
        x = network.preprocess(self.rows) if layers[0] == network.layers[0] else self.rows
        behind = network.walk(x, layers, wanted, found)
        return behind, {name: self.own(maps) for name, maps in found.items()}

    def sums(self, found: dict[str, Tensor], judged: list[str], guide: Guide | None) -> list[Tensor]:
        """Gram matrix and sums by style layer; of a guide's regions, where there is one."""
        sums: list[Tensor] = []
        for name in judged:
            if guide is None:
                statistic = style_statistic(found[name])
                sums += [statistic.gram, statistic.sums]
            else:
                sums += guided_sums(found[name], guide.positions(scale_of(name), self.top, self.bottom))
        return sums


def _strips(segment: Segment, x: Tensor) -> Iterator[_Strip]:
    """The strips of what a segment's first layer takes, from the top."""
    height, width = x.shape[-2:]
    for top, bottom in segment.strips(height, width):
        first, last = max(0, top - segment.halo), min(height, bottom + segment.halo)
        yield _Strip(top, bottom, first, last, x[..., first:last, :])
