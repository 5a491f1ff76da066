"""Pictures for print: judged in overlapping tiles with common statistics, to the loss and the gradient of the whole picture.

A style loss depends on a layer's statistic over the whole picture, so tiles are looked at twice: once to add that statistic
up, and once, knowing which way each of its numbers should go, for the gradient. Every tile is seen with a halo as wide as the
network looks, so nothing shows where tiles meet. Called by painting.py for sides beyond `TILED_ABOVE`; it keeps no maps.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from playground.engine.guided import Guide
from playground.engine.losses import Losses, Objective
from playground.engine.pointwise import CONTENT_LOSSES, TINY, VARIATION_LOSSES
from playground.engine.statistics import StyleStatistic
from playground.engine.strips import observe, scale_of
from playground.errors import PlaygroundError
from playground.recipe.base import BaseRecipe

CORE = 768  # pixels of a tile's side, without its halo
HALO = 96  # beyond what conv5_1 sees; twice that for deeper layers
GRID = 16  # pixels that become one position of the deepest block: tiles begin at multiples
STRIP = 256  # rows in which the total variation is added up


class Tile(NamedTuple):
    """Rows and columns of a tile's own, and with its halo."""

    top: int
    bottom: int
    left: int
    right: int
    first: int
    last: int
    begin: int
    end: int

    def seen(self, image: Tensor) -> Tensor:
        return image[..., self.first : self.last, self.begin : self.end]

    def own(self, maps: Tensor, scale: int) -> Tensor:
        """What of a layer's maps, of the tile with its halo, is the tile's own."""
        down, across = (self.top - self.first) // scale, (self.left - self.begin) // scale
        height = self.bottom // scale - self.top // scale
        width = self.right // scale - self.left // scale
        return maps[..., down : down + height, across : across + width]


class TiledObjective(Objective):
    """As `Objective`, for a picture whose maps would fit into no memory.

    Its terms are plain numbers: only `total` knows the gradient. Nobody looks for neighbours in so large a picture: it has
    them from the sizes before.
    """

    whole = False

    @torch.no_grad()
    def set_content(self, content: Tensor, recipe: BaseRecipe) -> None:
        """Compare with this content image, whose maps are computed anew tile by tile at every evaluation."""
        self.content = content
        self.content_targets = {name: content for name, weight in recipe.content_layers.items() if weight > 0}
        self._energies: dict[str, float] = {}

    def __call__(self, image: Tensor) -> Losses:
        """The weighted losses of a unit RGB image 1×3×H×W of the content picture's size."""
        image = self.composed(image)
        wanted = image.requires_grad and torch.is_grad_enabled()
        with torch.no_grad():
            terms, gradient = self._judged(image.detach(), wanted)
        total = torch.stack(list(terms.values())).sum()
        return Losses(_Known.apply(image, total, gradient) if gradient is not None else total, terms)

    def _judged(self, image: Tensor, wanted: bool) -> tuple[dict[str, Tensor], Tensor | None]:
        """The terms, and the gradient of their sum where it is wanted."""
        sums = self._sums(image)
        leaves = {name: tuple(part.requires_grad_(wanted) for part in parts[:2]) for name, parts in sums.items()}
        style = self._style_terms(leaves, {name: parts[2] for name, parts in sums.items()}, wanted)
        pulls: dict[str, tuple[Tensor, Tensor]] = {}
        if wanted and style:
            every = [part for parts in leaves.values() for part in parts]
            with torch.enable_grad():
                whole = torch.stack(list(style.values())).sum()
                found = torch.autograd.grad(whole, every, materialize_grads=True)  # not every loss looks at the sums
            pulls = {name: (found[2 * k], found[2 * k + 1]) for k, name in enumerate(leaves)}
        gradient = torch.zeros_like(image) if wanted else None
        content = self._second_look(image, pulls, gradient)
        terms = {f"content:{name}": value for name, value in content.items()}
        terms |= {f"style:{name}": value.detach() for name, value in style.items()}
        if self.recipe.variation_weight > 0:
            terms["variation"] = self._variation(image, gradient)
        if not terms:
            raise PlaygroundError(
                "so large a picture needs a content or a style weight above 0: neighbours alone do not do"
            )
        return terms, gradient

    # ---------------------------------------------------------------- the first look

    def _sums(self, image: Tensor) -> dict[str, tuple[Tensor, Tensor, list[float]]]:
        """Of each style layer over all tiles: Σ T²·F·Fᵀ, Σ T²·F and ΣT² of every region; one region where there is no map."""
        found: dict[str, tuple[Tensor, Tensor, list[float]]] = {}
        for tile in self._tiles(image):
            guide = self._guide_of(tile, image)
            _, statistics = observe(self.network, tile.seen(image), (), self.style_layers, guide)
            for name in self.style_layers:
                gram, sums, masses = _undivided(statistics[name], guide, scale_of(name))
                if name in found:
                    before = found[name]
                    gram, sums = before[0] + gram, before[1] + sums
                    masses = [one + other for one, other in zip(before[2], masses, strict=True)]
                found[name] = gram, sums, masses
        return found

    def _style_terms(
        self, leaves: dict[str, tuple[Tensor, ...]], masses: dict[str, list[float]], wanted: bool
    ) -> dict[str, Tensor]:
        with torch.set_grad_enabled(wanted):
            statistics = {}
            for name, (gram, sums) in leaves.items():
                positions = round(sum(masses[name])) if self.style_guide is None else self._positions(name)
                if self.style_guide is None:
                    statistics[name] = StyleStatistic(gram, sums, positions)
                    continue
                factors = gram.new_tensor([positions / mass if mass > 0 else 0.0 for mass in masses[name]])
                statistics[name] = StyleStatistic(gram * factors[:, None, None], sums * factors[:, None], positions)
            factor = self.recipe.style_weight * self._style_factor(statistics)
            return {
                name: factor * weight * self._style_loss(name, statistics[name])
                for name, weight in self.style_layers.items()
            }

    def _positions(self, name: str) -> int:
        height, width = self.content.shape[-2:]
        return (height // scale_of(name)) * (width // scale_of(name))

    # ---------------------------------------------------------------- the second look

    def _second_look(
        self, image: Tensor, pulls: dict[str, tuple[Tensor, Tensor]], gradient: Tensor | None
    ) -> dict[str, Tensor]:
        """The content terms; what every tile adds to the gradient of content and style is added to `gradient`."""
        totals = {name: torch.zeros((), device=image.device) for name in self.content_layers}
        if gradient is None and not totals:
            return totals
        if any(name not in self._energies for name in totals):
            self._measure_energies(image)
        for tile in self._tiles(image):
            guide = self._guide_of(tile, image)
            target, _ = observe(self.network, tile.seen(self.content), self.content_layers, ())
            seen = tile.seen(image).clone().requires_grad_(gradient is not None)
            with torch.set_grad_enabled(gradient is not None):
                wanted = self.style_layers if pulls else ()
                maps, statistics = observe(self.network, seen, self.content_layers, wanted, guide)
                parts = []
                for name, weight in self.content_layers.items():
                    part = self._content_part(name, tile, maps[name], target[name])
                    totals[name] += self.recipe.content_weight * weight * part.detach()
                    parts.append(self.recipe.content_weight * weight * part)
                for name, (pull, pull_sums) in pulls.items():
                    gram, sums, _ = _undivided(statistics[name], guide, scale_of(name))
                    parts += [(gram * pull).sum(), (sums * pull_sums).sum()]
                if gradient is not None:
                    (own,) = torch.autograd.grad(torch.stack(parts).sum(), seen)
                    tile.seen(gradient).add_(own)
        return totals

    def _content_part(self, name: str, tile: Tile, maps: Tensor, target: Tensor) -> Tensor:
        """A tile's part of a layer's content loss."""
        scale = scale_of(name)
        form = CONTENT_LOSSES[self.recipe.content_loss]
        found = form.each(tile.own(maps, scale) - tile.own(target, scale))
        weights = self.guide.content_map(scale) if self.guide is not None else None
        if weights is not None:
            rows = slice(tile.top // scale, tile.bottom // scale)
            found = found * weights[rows, tile.left // scale : tile.right // scale]
        channels = maps.shape[1]
        return found.sum() / (channels * self._positions(name)) / form.over(channels, lambda: self._energies[name])

    def _measure_energies(self, image: Tensor) -> None:
        """mean(P²) of each content layer over the whole content image."""
        sums = dict.fromkeys(self.content_layers, 0.0)
        for tile in self._tiles(image):
            maps, _ = observe(self.network, tile.seen(self.content), self.content_layers, ())
            for name in sums:
                own = tile.own(maps[name], scale_of(name))
                sums[name] += float(own.square().sum()) / (own.shape[1] * self._positions(name))
        self._energies = {name: max(TINY, value) for name, value in sums.items()}

    def _variation(self, image: Tensor, gradient: Tensor | None) -> Tensor:
        """The total variation's term, strip by strip."""
        height, width = image.shape[-2:]
        form, total = VARIATION_LOSSES[self.recipe.variation_loss], torch.zeros((), device=image.device)
        for top in range(0, height, STRIP):
            bottom = min(height, top + STRIP)
            rows = image[..., top : min(height, bottom + 1), :].clone().requires_grad_(gradient is not None)
            with torch.set_grad_enabled(gradient is not None):
                own = rows[..., : bottom - top, :]
                part = form.each(own[..., 1:] - own[..., :-1]).sum() / (3 * height * (width - 1))
                part = part + form.each(rows[..., 1:, :] - rows[..., :-1, :]).sum() / (3 * (height - 1) * width)
                part = self.recipe.variation_weight * (part / form.over(3, lambda: self.style_variation))
                if gradient is not None:
                    (pull,) = torch.autograd.grad(part, rows)
                    gradient[..., top : top + rows.shape[-2], :] += pull
            total += part.detach()
        return total

    # ---------------------------------------------------------------- tiles

    def _tiles(self, image: Tensor) -> Iterator[Tile]:
        height, width = image.shape[-2:]
        layers = {*self.style_layers, *self.content_layers}
        halo = HALO if all(name <= "conv5_1" for name in layers) else 2 * HALO
        for top, bottom in pieces(height):
            for left, right in pieces(width):
                yield Tile(
                    top, bottom, left, right,
                    max(0, top - halo), min(height, bottom + halo), max(0, left - halo), min(width, right + halo),
                )  # fmt: skip

    def _guide_of(self, tile: Tile, image: Tensor) -> Guide:
        """The tile's regions: none of its halo belongs to any."""
        height, width = tile.last - tile.first, tile.end - tile.begin
        if self.style_guide is None:
            areas = image.new_zeros((2, height, width))
            tile.own(areas, 1)[1] = 1
            areas[0] = 1 - areas[1]
            return Guide(areas)
        whole = self.style_guide.areas[:, tile.first : tile.last, tile.begin : tile.end]
        areas = torch.zeros_like(whole)
        areas[0] = 1
        tile.own(areas, 1)[:] = tile.own(whole, 1)
        return Guide(areas)


class _Known(torch.autograd.Function):
    """A value whose gradient has been computed already."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, value: Tensor, gradient: Tensor) -> Tensor:
        ctx.gradient = gradient
        return value.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        gradient: Tensor = ctx.gradient
        return gradient.mul_(grad), None, None  # in place: it is as large as the picture, and used once


def _undivided(statistic: StyleStatistic, guide: Guide, scale: int) -> tuple[Tensor, Tensor, list[float]]:
    """Σ T²·F·Fᵀ, Σ T²·F and ΣT² of a tile's regions, out of what `observe` gives for them."""
    masses = guide.masses(scale)
    factors = statistic.gram.new_tensor([mass / statistic.positions for mass in masses])
    return statistic.gram * factors[:, None, None], statistic.sums * factors[:, None], masses


def pieces(length: int) -> list[tuple[int, int]]:
    """Nearly equal parts of at most `CORE` pixels and a little, beginning at multiples of `GRID`."""
    count = max(1, round(length / CORE + 0.49))
    each = math.ceil(length / count / GRID) * GRID
    starts = range(0, length - GRID + 1, each) if length > each else range(1)
    return list(zip(starts, [*list(starts)[1:], length], strict=True))
