"""Statistics of a picture's regions apart, after Gatys et al. 2017, "Controlling Perceptual Factors" (arXiv 1611.07865).

A region r is a map T_r of how much each position belongs to it, and its Gram matrix is G_r = Σ T_r²·F·Fᵀ / ΣT_r². Only a
region's own positions are gathered, so that four regions cost what the whole picture does. Called by tiling.py and losses.py.
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
    """Where one region is in some rows of a layer's maps.

    Attributes:
        index: of its positions, row by row.
        weights: T at each, n×1; None where it is 1 at all of them.
    """

    index: Tensor
    weights: Tensor | None


class Guide:
    """The regions of one picture, at every layer's size.

    Args:
        areas: (1 + R)×H×W, how much each region counts at each pixel, adding up to 1. The first is left as it is and
            belongs to no painting.
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
        self._positions: dict[tuple[int, int, int], list[Positions]] = {}

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

    def shares(self, scale: int) -> list[float]:
        """ΣT² of each region over all positions: what its loss counts for, so that it pulls on each of its pixels as
        strongly as the whole picture's loss would.
        """
        height, width = self.maps(scale).shape[1:]
        return [mass / (height * width) for mass in self.masses(scale)]

    def positions(self, scale: int, top: int = 0, bottom: int | None = None) -> list[Positions]:
        """Where the regions are in a layer's rows from `top` to `bottom`. Kept: a strip's are wanted at every evaluation."""
        bottom = self.maps(scale).shape[1] if bottom is None else bottom
        key = (scale, top, bottom)
        if key not in self._positions:
            found = []
            for area in self.maps(scale)[:, top:bottom].flatten(1):
                index = area.nonzero()[:, 0]
                found.append(Positions(index, None if self.hard else area[index][:, None]))
            self._positions[key] = found
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
    """Σ T²·F·Fᵀ and Σ T²·F of each region, R×C×C and R×C; on the way back dF = T²·((dG + dGᵀ)·F + ds) summed over them."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, positions: list[Positions]) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(features)
        ctx.positions = positions
        rows = _rows(features)
        channels = rows.shape[1]
        grams, sums = [], []
        for region in positions:
            own = _own(rows, region)
            grams.append(products(_as_maps(own))[0] if len(own) else rows.new_zeros((1, channels, channels)))
            sums.append((own if region.weights is None else own * region.weights).sum(0))
        return torch.cat(grams), torch.stack(sums)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, grad_sums: Tensor) -> tuple[Tensor, None]:
        (features,) = ctx.saved_tensors
        rows = _rows(features)
        total = torch.zeros_like(rows)
        for number, region in enumerate(ctx.positions):
            if not len(region.index):
                continue
            own, weights = _own(rows, region), region.weights
            # Of s = Σ T²·F = Σ T·(T·F), which is what `own` holds where there are weights.
            if weights is None:
                total[region.index] = _rows(
                    products_back(_as_maps(own), grad[number : number + 1], grad_sums[number : number + 1])
                )
            else:
                back = _rows(products_back(_as_maps(own), grad[number : number + 1], torch.zeros_like(grad_sums[:1])))
                total.index_add_(0, region.index, weights * (back + weights * grad_sums[number]))
        return total.view(features.shape[0], *features.shape[-2:], -1).permute(0, 3, 1, 2), None


def _rows(features: Tensor) -> Tensor:
    """Maps 1×C×H×W as (H·W)×C; a view where channels lie last."""
    return features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])


def _as_maps(rows: Tensor) -> Tensor:
    """n×C as maps 1×C×n×1, with channels last."""
    return rows[None, :, None, :].permute(0, 3, 1, 2)


def _own(rows: Tensor, region: Positions) -> Tensor:
    """T·F at a region's own positions, n×C."""
    own = rows.index_select(0, region.index)
    return own if region.weights is None else own * region.weights


def guided_sums(features: Tensor, positions: list[Positions]) -> tuple[Tensor, Tensor]:
    """Σ T²·F·Fᵀ and Σ T²·F of each region over some rows of one picture's maps (1×C×h×w), R×C×C and R×C: what adds up."""
    return _Guided.apply(features.contiguous(memory_format=torch.channels_last), positions)


def guided_statistic(gram: Tensor, sums: Tensor, guide: Guide, scale: int) -> StyleStatistic:
    """The regions' statistics at a layer, one after the other as if each were a picture, from what `guided_sums` adds up to.

    All say that they have the whole picture's positions H·W, so G/(H·W) is the guided Gram matrix and an undivided one is
    that times H·W.
    """
    height, width = guide.maps(scale).shape[1:]
    count = height * width
    factors = gram.new_tensor([count / mass if mass > 0 else 0.0 for mass in guide.masses(scale)])
    return StyleStatistic(gram * factors[:, None, None], sums * factors[:, None], count)


def one_region(statistic: StyleStatistic, number: int) -> StyleStatistic:
    """One region's statistic out of all of them."""
    part = slice(number, number + 1)
    return StyleStatistic(statistic.gram[part], statistic.sums[part], statistic.positions)


def guided_content_loss(features: Tensor, target: Tensor, weights: Tensor, normalisation: str) -> Tensor:
    """mean(W·(F − P)²), normalised as the content loss of that name; W is h×w.

    The energy that "relative" divides by is that of the whole target, so that W alone says what counts for more.
    """
    loss = ((features - target).square() * weights).mean()
    if normalisation == "channels":
        return loss / features.shape[1]
    return loss / target.square().mean().clamp_min(1e-12) if normalisation == "relative" else loss
