"""What a picture is judged by: content, style and total variation, with every normalisation the sources use.

Each loss is a plain function on tensors and an entry in a registry, which a recipe names it by; `Objective` adds them up
with the recipe's weights. Called once an evaluation, and by feedforward/ in training; it knows nothing of canvas or optimiser.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from playground.engine.blends import blend, fractions_of
from playground.engine.guided import Guide, one_region
from playground.engine.neighbours import covers_neighbours, make_neighbours
from playground.engine.pointwise import TINY, content_loss, variation_loss
from playground.engine.statistics import StyleStatistic
from playground.engine.strips import observe, scale_of
from playground.engine.targets import targets
from playground.networks.vgg import Vgg
from playground.recipe.base import BaseRecipe
from playground.recipe.model import Recipe
from playground.recipe.styles import for_styles

TERMS = ("content", "style", "neighbours", "variation")  # what every loss belongs to, in the order shown
OBJECTIVE_SETTINGS = frozenset(f"{term}_{what}" for term in TERMS for what in ("weight", "loss", "layers")) | {
    *("style_weights", "region_content_weights", "kept_weight", "content_query")
}  # of a recipe, by which the weighted sum changes
MIN_VARIATION = 1e-4  # of a style image: a flat one must not forbid every edge


@dataclass(frozen=True)
class Loss:
    """One way to compare statistics, as a recipe names it.

    Attributes:
        compute: of the statistics of the picture and of the style image.
        products: matrix products of C×C×(H·W) that a layer takes for it, by which measure/ foresees its time.
    """

    compute: Callable[..., Tensor]
    products: float = 0.0


def _relative(ours: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference over the target's own mean square."""
    return (ours - target).square().mean() / target.square().mean().clamp_min(TINY)


def _mean_difference(ours: StyleStatistic, target: StyleStatistic) -> Tensor:
    """mean((G/M − G_S/M_S)²)."""
    return (ours.gram / ours.positions - target.gram / target.positions).square().mean()


def _volume(ours: StyleStatistic, target: StyleStatistic) -> Tensor:
    return _mean_difference(ours, target) / ours.gram.shape[-1] ** 2


def _rows(ours: StyleStatistic, target: StyleStatistic) -> Tensor:
    return _mean_difference(ours, target) / ours.gram.shape[-1]  # C rows of a mean over columns, over C²


def _raw(ours: StyleStatistic, target: StyleStatistic) -> Tensor:
    return (ours.gram - target.gram).square().mean() / (ours.gram.shape[-1] * ours.positions)


def _moments(ours: StyleStatistic, target: StyleStatistic) -> Tensor:
    return _relative(ours.covariance, target.covariance) + _relative(ours.mean, target.mean)


STYLE_LOSSES: dict[str, Loss] = {
    "gatys": Loss(lambda ours, target: _mean_difference(ours, target) / 4, products=1),
    "positions": Loss(_mean_difference, products=1),
    "mean_positions": Loss(_mean_difference, products=1),
    "volume": Loss(_volume, products=1),
    "rows": Loss(_rows, products=1),
    "raw": Loss(_raw, products=1),
    "relative": Loss(
        lambda ours, target: _relative(ours.gram / ours.positions, target.gram / target.positions), products=1
    ),
    "moments": Loss(_moments, products=1),
}


def style_loss(ours: StyleStatistic, target: StyleStatistic, normalisation: str) -> Tensor:
    """Style loss of one layer, before its weight; G is the raw Gram matrix, M = H·W its own number of positions.

    Args:
        ours: of the picture.
        target: of the style image, at any size.
        normalisation:
            "gatys": ¼·mean((G/M − G_S/M_S)²), which is Gatys's 1/(4N²M²)·Σ(G − G_S)² at equal sizes (eq. 4).
            "positions", "mean_positions": mean((G/M − G_S/M_S)²); the second is averaged over layers by the objective.
            "volume": mean((G/(C·M) − G_S/(C·M_S))²), Johnson et al. 2016, eq. 3.
            "rows": sum over rows of the mean over columns of the volume-normalised difference, squared.
            "raw": mean((G − G_S)²)/(C·M), undivided Gram matrices, so it grows with the picture.
            "relative": mean((G/M − G_S/M_S)²)/mean((G_S/M_S)²): 1 is no style at all, at any size and layer.
            "moments": mean((Σ − Σ_S)²)/mean(Σ_S²) + mean((μ − μ_S)²)/mean(μ_S²), covariances and means apart. A Gram
                matrix is Σ + μ·μᵀ, and where activations are never negative μ·μᵀ is most of it, so that contrast and
                the way in which colours vary together hardly count; here they do.
    """
    return STYLE_LOSSES[normalisation].compute(ours, target)


@dataclass(frozen=True)
class Losses:
    """Weighted losses of one evaluation as scalars on the device; `total` is the sum of all the others."""

    total: Tensor
    terms: dict[str, Tensor]  # "content:conv4_2", "style:conv1_1", ..., "variation"

    def stacked(self) -> Tensor:
        """All terms in order as one detached vector, so that one transfer reads them all."""
        return torch.stack([value.detach() for value in self.terms.values()])


class Objective:
    """The weighted sum of a recipe's terms for one content image and one or several style images at one size.

    Args:
        network: the VGG that looks at the pictures, with the recipe's pool and padding.
        content, style: unit RGB, N×3×H×W and 1×3×h×w; each style image at its own size.
        recipe: layers, weights and normalisations.
        growth: pixels of the finished picture over pixels of this one. The two normalisations that depend on the
            picture's area are corrected by it, so that a curve is comparable when the size changes on the way.
        guide: which style image goes where; region number k is compared with style image k alone, by its own weight.
    """

    whole = True  # a picture whose maps fit into memory, so that its neighbours can be looked for

    def __init__(
        self, network: Vgg, content: Tensor, style: Tensor | Sequence[Tensor], recipe: BaseRecipe, growth: float = 1.0,
        guide: Guide | None = None,
    ) -> None:  # fmt: skip
        self.network, self.growth, self.guide, self.content = network, growth, guide, content
        self.style_guide = guide if guide is not None and guide.regions else None
        self.set_content(content, recipe)
        styles = [style] if isinstance(style, Tensor) else list(style)
        with torch.no_grad():
            wanted = [name for name, weight in recipe.style_layers.items() if weight > 0]
            self._of_styles = [targets(network, one, [], wanted)[1] for one in styles]
            self._variations = torch.stack([variation_loss(one).clamp_min(MIN_VARIATION) for one in styles])
        self.neighbours = make_neighbours(network, content, styles, recipe, self.style_guide) if self.whole else None
        self.set_weights(recipe)

    @torch.no_grad()
    def set_content(self, content: Tensor, recipe: BaseRecipe) -> None:
        """Compare with other content images from now on, N×3×H×W: in training every batch is another content."""
        wanted = [name for name, weight in recipe.content_layers.items() if weight > 0]
        self.content_targets, _ = targets(self.network, content, wanted, [])

    def covers(self, recipe: BaseRecipe) -> bool:
        """Whether the targets at hand are all that `recipe` needs, so that only weights change."""
        here = self.content_targets.keys(), self.style_targets.keys()
        wanted = recipe.active_layers("content").keys(), recipe.active_layers("style").keys()
        return wanted[0] <= here[0] and wanted[1] <= here[1] and covers_neighbours(self.neighbours, recipe)

    @torch.no_grad()
    def set_weights(self, recipe: BaseRecipe) -> None:
        """Take over the recipe's weights and normalisations for the next evaluation."""
        self.recipe = recipe
        self.content_layers, self.style_layers = recipe.active_layers("content"), recipe.active_layers("style")
        if self.neighbours is not None:
            self.neighbours.ask(recipe)
        count = len(self._of_styles)
        self.style_weights = for_styles(recipe.style_weights, count) if isinstance(recipe, Recipe) else (1.0,) * count
        self.fractions = fractions_of(self.style_weights)
        """Of each style image in what the picture is compared with, adding up to 1."""
        if self.guide is not None and isinstance(recipe, Recipe):
            weights = for_styles(recipe.region_content_weights, self.guide.regions) if self.guide.regions else ()
            self.guide.weigh_content(weights, recipe.kept_weight)
        self.style_targets = {
            name: blend([found[name] for found in self._of_styles], self.fractions) for name in self._of_styles[0]
        }
        self.style_variation = (self._variations * self._variations.new_tensor(self.fractions)).sum()

    def __call__(self, image: Tensor) -> Losses:
        """The weighted losses of unit RGB images N×3×H×W of the content pictures' number and size."""
        recipe = self.recipe
        image = self.composed(image)
        compared = self.neighbours.weights if self.neighbours else {}
        kept = {**self.content_layers, **compared}
        maps, statistics = observe(self.network, image, kept, self.style_layers, self.style_guide, as_computed=True)
        maps |= {name: maps[name].float() for name in compared}
        terms: dict[str, Tensor] = {}
        for name, weight in self.content_layers.items():
            guided = self.guide.content_map(scale_of(name)) if self.guide is not None else None
            loss = content_loss(maps[name], self.content_targets[name], recipe.content_loss, guided)
            terms[f"content:{name}"] = recipe.content_weight * weight * loss
        factor = recipe.style_weight * self._style_factor(statistics)
        for name, weight in self.style_layers.items():
            loss = self._style_loss(name, statistics[name])
            terms[f"style:{name}"] = factor * weight * loss
        if self.neighbours is not None:
            terms |= self.neighbours.terms(maps)
        if recipe.variation_weight > 0:
            loss = variation_loss(image, recipe.variation_loss, self.style_variation)
            terms["variation"] = recipe.variation_weight * loss
        unsound = 0 * image.detach().sum()  # NaN where a pixel is no number, of which oneDNN's ReLU makes 0
        terms = {name: term + unsound for name, term in terms.items()}
        return Losses(torch.stack(list(terms.values())).sum(), terms)

    def composed(self, image: Tensor) -> Tensor:
        """The picture as it is judged and shown: with the content image where it is to be left as it is."""
        return image if self.guide is None else self.guide.composed(image, self.content)

    def _style_loss(self, name: str, found: StyleStatistic) -> Tensor:
        """Of one layer, before its weight; with regions the sum of theirs, each by its weight and its fraction of the area."""
        form = self.recipe.style_loss
        if self.style_guide is None:
            return style_loss(found, self.style_targets[name], form)
        losses = [
            weight * fraction * style_loss(one_region(found, number), style[name], form)
            for number, (weight, fraction, style) in enumerate(
                zip(self.style_weights, self.style_guide.fractions(scale_of(name)), self._of_styles, strict=False)
            )
            if fraction > 0
        ]
        return torch.stack(losses).sum() if losses else found.gram.new_zeros(())

    def _style_factor(self, statistics: Mapping[str, StyleStatistic]) -> float:
        """What the sum over style layers is multiplied with, besides the weights."""
        form = self.recipe.style_loss
        if not self.style_layers:
            return 1.0
        if form == "rows":  # the source divides by H·W·C of its first style layer
            first = statistics[min(self.style_layers)]
            return 1 / (first.gram.shape[-1] * first.positions * self.growth)
        if form == "mean_positions":
            return 1 / len(self.style_layers)
        return self.growth if form == "raw" else 1.0


def by_term(values: Mapping[str, float]) -> dict[str, float]:
    """Losses by layer summed up to {content, style, variation, total}, 0 where absent, and neighbours where there are any."""
    kinds = [kind for kind in TERMS if kind != "neighbours" or any(name.startswith(kind) for name in values)]
    sums = {kind: float(sum(value for name, value in values.items() if name.split(":")[0] == kind)) for kind in kinds}
    return {**sums, "total": sum(sums.values())}


def unweighted(values: Mapping[str, float], recipe: BaseRecipe) -> dict[str, float]:
    """Weighted losses by layer without the weights of `recipe`; with each term before its weight."""
    plain: dict[str, float] = {}
    for term in TERMS:
        weight, own = getattr(recipe, f"{term}_weight", 0.0), [name for name in values if name.split(":")[0] == term]
        if weight > 0 and own:
            plain[term] = sum(values[name] for name in own) / weight
    for name, value in values.items():
        term, _, layer = name.partition(":")
        if layer and term in plain:
            plain[name] = value / (getattr(recipe, f"{term}_weight") * getattr(recipe, f"{term}_layers")[layer])
    return plain
