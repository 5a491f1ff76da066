"""Statistics of a picture's regions apart, after Gatys et al. 2017, "Controlling Perceptual Factors" (arXiv 1611.07865).

A region r is a map T_r of how much each position belongs to it, and its Gram matrix is G_r = Σ T_r²·F·Fᵀ / ΣT_r². Only a
region's own positions are gathered, so that four regions cost what the whole picture does. Called by strips.py and losses.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from playground.engine.statistics import StyleStatistic, products, products_back


@dataclass(frozen=True)
class Positions:
    """Where the regions are in some rows of a layer's maps.

    Attributes:
        index: of all regions' positions, one region after the other, each row by row; last those where T is below 1.
        counts: how many positions each region has.
        weights: T of each region at its last positions, m×1; the others have 1, so that only borders are multiplied.
        back: the place in `index` of every position of the rows, its first one; one beyond its end for none.
        again: places in `index` of positions that an earlier region has too.
    """

    index: Tensor
    counts: list[int]
    weights: list[Tensor]
    back: Tensor
    again: Tensor


class Guide:
    """The regions of one picture, at every layer's size.

    Args:
        areas: (1 + R)×H×W, how much each region counts at each pixel, adding up to 1. The first is left as it is and
            belongs to no style image.
        kept: H×W in [0, 1], what is to be kept more of the content image; None for nothing.

    Attributes:
        regions: R, their number; 0 where there is only something to be kept more.
        hard: whether every pixel is in one region alone; a layer's position is then where most of its pixels are.
        untouched: 1×1×H×W, how much is left as it is; None where nothing is.
    """

    def __init__(self, areas: Tensor, kept: Tensor | None = None) -> None:
        self.areas, self.kept = areas, kept
        self.regions = len(areas) - 1
        self.content_weights: Tensor | None = None
        self.hard = bool(((areas == 0) | (areas == 1)).all())
        self.untouched = areas[:1][None] if bool(areas[0].any()) else None
        self._maps: dict[int, Tensor] = {}
        self._masses: dict[int, list[float]] = {}
        self._factors: dict[int, Tensor] = {}
        self._positions: dict[tuple[int, int, int], Positions] = {}

    def maps(self, scale: int) -> Tensor:
        """T of each region at a layer that is `scale` times smaller than the picture, R×h×w."""
        if scale not in self._maps:
            pooled = F.avg_pool2d(self.areas[None], scale)[0] if scale > 1 else self.areas
            if self.hard:
                pooled = F.one_hot(pooled.argmax(0), len(pooled)).permute(2, 0, 1).to(pooled.dtype)
            self._maps[scale] = pooled[1:]
        return self._maps[scale]

    def masses(self, scale: int) -> list[float]:
        """ΣT² of each region there; 0 for one that is too small to be seen."""
        if scale not in self._masses:
            self._masses[scale] = self.maps(scale).double().square().sum((1, 2)).tolist()
        return self._masses[scale]

    def factors(self, scale: int) -> Tensor:
        """(H·W)/ΣT² of each region there, 0 for one that is not seen; made once, since an evaluation may be recorded."""
        if scale not in self._factors:
            height, width = self.maps(scale).shape[1:]
            found = [height * width / mass if mass > 0 else 0.0 for mass in self.masses(scale)]
            self._factors[scale] = self.areas.new_tensor(found)
        return self._factors[scale]

    def fractions(self, scale: int) -> list[float]:
        """ΣT² of each region over all positions: what its loss counts for, so that it pulls on each of its pixels as
        strongly as the whole picture's loss would.
        """
        height, width = self.maps(scale).shape[1:]
        return [mass / (height * width) for mass in self.masses(scale)]

    def positions(self, scale: int, top: int = 0, bottom: int | None = None) -> Positions:
        """Where the regions are in a layer's rows from `top` to `bottom`. Kept: a strip's are wanted at every evaluation."""
        bottom = self.maps(scale).shape[1] if bottom is None else bottom
        key = (scale, top, bottom)
        if key not in self._positions:
            areas = self.maps(scale)[:, top:bottom].flatten(1)
            borders = [((area > 0) & (area != 1)).nonzero()[:, 0] for area in areas]
            each = [torch.cat([(area == 1).nonzero()[:, 0], own]) for area, own in zip(areas, borders, strict=True)]
            index = torch.cat(each)
            place = torch.arange(len(index), device=index.device)
            back = torch.full_like(areas[0], len(index), dtype=torch.long).scatter_reduce_(0, index, place, "amin")
            weights = [area[own][:, None] for area, own in zip(areas, borders, strict=True)]
            again = (back[index] != place).nonzero()[:, 0]
            self._positions[key] = Positions(index, [len(own) for own in each], weights, back, again)
        return self._positions[key]

    def weigh_content(self, weights: Sequence[float], kept: float) -> None:
        """Let the content loss count so much in each region, and so much more where something is kept more."""
        found = None
        if any(weight != 1 for weight in weights):
            found = torch.einsum("r,rhw->hw", self.areas.new_tensor([1.0, *weights]), self.areas)
        if self.kept is not None and kept != 1:
            found = (1 if found is None else found) * (1 + (kept - 1) * self.kept)
        self.content_weights = found

    def content_map(self, scale: int) -> Tensor | None:
        """What the content loss of such a layer is multiplied with, h×w; None for 1 everywhere."""
        if self.content_weights is None:
            return None
        return F.avg_pool2d(self.content_weights[None, None], scale)[0, 0]

    def composed(self, image: Tensor, content: Tensor) -> Tensor:
        """The picture with the content image where it is left as it is; both 1×3×H×W."""
        if self.untouched is None:
            return image
        if self.hard:
            return torch.where(self.untouched > 0, content, image)
        return image + self.untouched * (content - image)


class _Guided(torch.autograd.Function):
    """Σ T²·F·Fᵀ and Σ T²·F of each region, R×C×C and R×C; on the way back dF = T²·((dG + dGᵀ)·F + ds) summed over them.

    T·F is gathered and kept for the way back, which is then one more gathering, and an addition where regions overlap.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, positions: Positions) -> tuple[Tensor, Tensor]:
        gathered = features.permute(0, 2, 3, 1).reshape(-1, features.shape[1]).index_select(0, positions.index)
        if features.dtype == torch.bfloat16:
            gathered = gathered.float()
        found = [
            _products(own, weights)
            for own, weights in zip(gathered.split(positions.counts), positions.weights, strict=True)
        ]
        ctx.save_for_backward(gathered)
        ctx.positions, ctx.shape, ctx.kind = positions, features.shape, features.dtype
        return torch.cat([gram for gram, _ in found]), torch.cat([sums for _, sums in found])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, grad_sums: Tensor) -> tuple[Tensor, None]:
        (gathered,) = ctx.saved_tensors
        positions: Positions = ctx.positions
        pictures, channels, height, width = ctx.shape
        parts = [
            _products_back(*own)
            for own in zip(
                gathered.split(positions.counts), positions.weights, grad.split(1), grad_sums.split(1), strict=True
            )
        ]
        rows = torch.cat([*parts, gathered.new_zeros((1, channels))])
        total = rows.index_select(0, positions.back)
        if len(positions.again):
            total.index_add_(0, positions.index[positions.again], rows[positions.again])
        return total.to(ctx.kind).view(pictures, height, width, channels).permute(0, 3, 1, 2), None


def _products(rows: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Of one region's own positions n×C, which may be none and whose last become T·F: 1×C×C and 1×C."""
    if not len(rows):
        return rows.new_zeros((1, rows.shape[1], rows.shape[1])), rows.new_zeros((1, rows.shape[1]))
    border = rows[len(rows) - len(weights) :]
    border *= weights
    gram, sums = products(_as_maps(rows))
    return gram, sums + ((weights - 1) * border).sum(0) if len(weights) else sums


def _products_back(rows: Tensor, weights: Tensor, grad: Tensor, grad_sums: Tensor) -> Tensor:
    """What a region pulls each of its positions by, n×C: T·((dG + dGᵀ)·T·F + T·ds)."""
    if not len(rows):
        return rows
    pulls = products_back(_as_maps(rows), grad, grad_sums).permute(0, 2, 3, 1).reshape(-1, rows.shape[1])
    if len(weights):
        pulls[len(rows) - len(weights) :].add_((weights - 1) * grad_sums).mul_(weights)
    return pulls


def _as_maps(rows: Tensor) -> Tensor:
    """n×C as maps 1×C×n×1, with channels last."""
    return rows[None, :, None, :].permute(0, 3, 1, 2)


def guided_sums(features: Tensor, positions: Positions) -> tuple[Tensor, Tensor]:
    """Σ T²·F·Fᵀ and Σ T²·F of each region over some rows of one picture's maps (1×C×h×w), R×C×C and R×C: what adds up.

    Of maps in bfloat16 in float32.
    """
    return _Guided.apply(features.contiguous(memory_format=torch.channels_last), positions)


def guided_statistic(gram: Tensor, sums: Tensor, guide: Guide, scale: int) -> StyleStatistic:
    """The regions' statistics at a layer, one after the other as if each were a picture, from what `guided_sums` adds up to.

    All say that they have the whole picture's positions H·W, so G/(H·W) is the guided Gram matrix and an undivided one is
    that times H·W.
    """
    height, width = guide.maps(scale).shape[1:]
    factors = guide.factors(scale)
    return StyleStatistic(gram * factors[:, None, None], sums * factors[:, None], height * width)


def one_region(statistic: StyleStatistic, number: int) -> StyleStatistic:
    """One region's statistic out of all of them."""
    part = slice(number, number + 1)
    return StyleStatistic(statistic.gram[part], statistic.sums[part], statistic.positions)
