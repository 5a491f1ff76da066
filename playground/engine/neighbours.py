"""Which place of a style image each place of the picture is to be like: nearest neighbours among a network's features.

After Kolkin et al. 2022, "Neural Neighbor Style Transfer" (arXiv 2203.13215). Statistics say what a style image is made of and
nothing about where; this says where. losses.py adds it up with the other terms, painting.py says when to look anew.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from playground.engine.guided import Guide
from playground.engine.statistics import centred_maps
from playground.engine.strips import observe
from playground.networks.vgg import Vgg
from playground.recipe.base import BaseRecipe
from playground.recipe.model import Recipe

MAX_POSITIONS = (
    4096  # of a picture's layer that are compared at a time; of a larger one evenly spread ones, others each time
)
MAX_CANDIDATES = 8192  # of all style images' and their turned copies' layer
ROWS = 512  # positions that are looked up at once: their products with all candidates take 16 MB
TINY = 1e-6
Place = tuple[int, int, int]
"""Stride, first row and first column of the positions of a layer that are looked at."""
TOGETHER = ""  # the name of what hypercolumns compare, which is no layer's


def unit_vectors(maps: Tensor) -> Tensor:
    """x̂ = (F − mean(F)) / |F − mean(F)| at every position; 1×C×h×w, the mean over positions."""
    return F.normalize(maps - maps.mean((2, 3), keepdim=True), dim=1, eps=TINY)


def neighbours_loss(maps: Tensor, targets: Tensor, place: Place = (1, 0, 0)) -> Tensor:
    """mean(1 − x̂·t) over positions: 0 where every place looks as its neighbour does.

    Args:
        maps: 1×C×h×w.
        targets: unit vectors of the shape of those positions.
        place: stride, first row and first column of the positions that are looked at.
    """
    found: Tensor = _Apart.apply(maps, targets, place)
    return found


def _sampled(maps: Tensor, place: Place) -> Tensor:
    stride, top, left = place
    return maps[..., top::stride, left::stride] if stride > 1 else maps


class _Apart(torch.autograd.Function):
    """mean(1 − x̂·t), whose way back goes over the maps twice where autograd's would eight times.

    With y = F − mean(F) and c = x̂·t, d(x̂·t)/dy = (t − c·x̂)/|y|; the mean takes its own mean out again.
    """

    @staticmethod
    def forward(ctx: Any, maps: Tensor, targets: Tensor, place: Place) -> Tensor:
        ctx.place, ctx.shape = place, maps.shape
        centred = centred_maps(_sampled(maps, place))
        lengths = centred.norm(dim=1, keepdim=True).clamp_min(TINY)
        cosines = (centred * targets).sum(1, keepdim=True) / lengths
        ctx.save_for_backward(centred, targets, lengths, cosines)
        return 1 - cosines.mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        centred, targets, lengths, cosines = ctx.saved_tensors
        each = -grad / (cosines.numel() * lengths)
        found = torch.addcmul(each * targets, centred, -each * cosines / lengths)
        found.sub_(found.mean((2, 3), keepdim=True))
        if ctx.place[0] > 1:  # with channels together, as what it is added to
            images, channels, height, width = ctx.shape
            whole = found.new_zeros((images, height, width, channels)).permute(0, 3, 1, 2)
            _sampled(whole, ctx.place).copy_(found)
            found = whole
        return found, None, None


@torch.no_grad()
def nearest(queries: Tensor, candidates: Tensor, apart: Tensor | None = None) -> Tensor:
    """For each query the candidate with the largest product, as its index; the first of several.

    Args:
        queries, candidates: n×C and m×C.
        apart: n×m, true where a query may not have a candidate.
    """
    found = []
    for begin in range(0, len(queries), ROWS):
        products = queries[begin : begin + ROWS] @ candidates.T
        if apart is not None:
            products.masked_fill_(apart[begin : begin + ROWS], -math.inf)
        found.append(products.argmax(1))
    return torch.cat(found)


class Neighbours:
    """The places of one or several style images that a picture of one size is compared with.

    Args:
        network: as configured for the picture.
        content: unit RGB 1×3×H×W.
        styles: unit RGB 1×3×h×w each.
        recipe: layers, how they are compared, turned copies, seed; its weights and what places are looked up by follow by
            `ask`.
        areas: R×H×W, how much of each pixel belongs to region r, which looks at style image r alone; None without regions.

    Attributes:
        layers: all that are compared.
        weights: of the layers whose maps `terms` wants; empty where the term counts for nothing now.
        age: evaluations since neighbours were looked for; None before the first time.
    """

    def __init__(
        self, network: Vgg, content: Tensor, styles: Sequence[Tensor], recipe: Recipe, areas: Tensor | None = None
    ) -> None:
        self.layers = tuple(name for name, weight in recipe.neighbours_layers.items() if weight > 0)
        self.key = _key(recipe)
        self.age: int | None = None
        self.seed, self._looks = recipe.seed, 0
        self._query, self._weight = recipe.content_query, recipe.neighbours_weight
        self.weights = recipe.active_layers("neighbours")
        self._areas = areas
        self._targets: dict[str, Tensor] = {}
        self._matches: dict[str, Tensor] = {}
        self._places: dict[str, Place] = {}
        self._network, self._content_image = network, content
        self._scales = dict.fromkeys(self.layers, 1.0)
        with torch.no_grad():
            if recipe.neighbours_features == "hypercolumns":
                of_first = self._maps(styles[0])
                self._scales = {
                    name: recipe.neighbours_layers[name] / float(_energy(maps)) for name, maps in of_first.items()
                }
            self._gather(styles, recipe.neighbours_rotations)
            self._content = {name: unit_vectors(maps).half() for name, maps in self._columns(content).items()}

    def ask(self, recipe: BaseRecipe) -> None:
        """Take over weights, and by how much of the content image places are looked up: another share means to look anew."""
        assert isinstance(recipe, Recipe)
        self.weights, self._weight = recipe.active_layers("neighbours"), recipe.neighbours_weight
        if recipe.content_query != self._query:
            self._query, self.age = recipe.content_query, None

    def due(self, every: int) -> bool:
        """Whether to look anew before the next evaluation."""
        return bool(self.weights) and (self.age is None or self.age >= every)

    # ---------------------------------------------------------------- features

    def _maps(self, image: Tensor) -> dict[str, Tensor]:
        found, _ = observe(self._network, image, self.layers, [])
        return {name: found[name] for name in self.layers}

    def _columns(self, image: Tensor) -> dict[str, Tensor]:
        return self.columns(self._maps(image))

    def columns(self, maps: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What is compared of a picture's maps: each layer by itself, or all of them on one grid as hypercolumns."""
        if self.key[0] == "layers":
            return {name: maps[name] for name in self.layers}
        grid = max((maps[name].shape[-2:] for name in self.layers if int(name[4]) > 2), default=None)
        grid = grid or min(maps[name].shape[-2:] for name in self.layers)  # a quarter of the picture's size, or near it
        parts = [
            F.interpolate(centred_maps(maps[name]), size=tuple(grid), mode="bilinear", align_corners=False)
            * self._scales[name]
            for name in self.layers
        ]
        return {TOGETHER: torch.cat(parts, 1)}

    def _gather(self, styles: Sequence[Tensor], rotations: int) -> None:
        """Unit vectors of all style images and their turned copies, m×C a layer, and whose each is."""
        budget = MAX_CANDIDATES // (len(styles) * (1 + rotations))
        vectors: dict[str, list[Tensor]] = {}
        owners: dict[str, list[Tensor]] = {}
        for number, style in enumerate(styles):
            for turns in range(1 + rotations):
                for name, maps in self._columns(torch.rot90(style, turns, (2, 3)).contiguous()).items():
                    stride = _stride(maps, budget)
                    rows = _rows(unit_vectors(maps)[..., stride // 2 :: stride, stride // 2 :: stride])
                    vectors.setdefault(name, []).append(rows)
                    owners.setdefault(name, []).append(torch.full((len(rows),), number, device=rows.device))
        self.candidates = {name: torch.cat(parts) for name, parts in vectors.items()}
        self.owners = {name: torch.cat(parts) for name, parts in owners.items()}

    # ---------------------------------------------------------------- looking

    @torch.no_grad()
    def _look(self, columns: Mapping[str, Tensor]) -> None:
        """Find the neighbours of a picture.

        A place is looked up by q = normalise(c·ĉ + (1 − c)·x̂), with ĉ the content image's vector there and c the recipe's
        `content_query`.
        """
        for name, ours in columns.items():
            self._places[name] = self._place(ours)
            seen, content = unit_vectors(self._sample(name, ours)), self._sample(name, self._content[name]).float()
            queries = _rows(F.normalize(self._query * content + (1 - self._query) * seen, dim=1, eps=TINY))
            self._matches[name] = nearest(queries, self.candidates[name], self._apart(name, ours))
            self._aim(name, seen.shape[-2:])
        self.age, self._looks = 0, self._looks + 1

    def _place(self, maps: Tensor) -> Place:
        """The positions of this look: every `stride`-th, beginning with another of them each time, in an order of the seed's."""
        stride = _stride(maps, MAX_POSITIONS)
        generator = torch.Generator().manual_seed(self.seed)
        order = torch.randperm(stride * stride, generator=generator).tolist()
        return (stride, *divmod(order[self._looks % len(order)], stride))

    def _sample(self, name: str, maps: Tensor) -> Tensor:
        return _sampled(maps, self._places[name])

    def _apart(self, name: str, maps: Tensor) -> Tensor | None:
        """Which candidates lie in style images of other regions; a place that belongs to no region may have all of them."""
        if self._areas is None:
            return None
        areas = self._sample(name, F.adaptive_avg_pool2d(self._areas[None], (maps.shape[-2], maps.shape[-1])))[
            0
        ].flatten(1)
        wanted = areas.argmax(0)
        return (wanted[:, None] != self.owners[name][None]) & (areas.sum(0) > 0)[:, None]

    def _aim(self, name: str, size: torch.Size) -> None:
        found = self.candidates[name][self._matches[name]]
        self._targets[name] = found.T.reshape(1, -1, *size).contiguous(memory_format=torch.channels_last)

    # ---------------------------------------------------------------- judging

    def terms(self, maps: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The weighted `neighbours_loss` by layer, "neighbours:conv3_1" and so on; of hypercolumns "neighbours" alone.

        Neighbours are looked for first where that has not been done yet, or `age` has been set to None.
        """
        if not self.weights:
            return {}
        columns = self.columns(maps)
        if self.age is None:
            self._look({name: ours.detach() for name, ours in columns.items()})
        terms = {}
        for name, ours in columns.items():
            loss = neighbours_loss(ours, self._targets[name], self._places[name])
            weight = self._weight * (self.weights[name] if name else 1.0)
            terms[f"neighbours:{name}" if name else "neighbours"] = weight * loss
        return terms

    # ---------------------------------------------------------------- checkpoints

    def state_dict(self) -> dict[str, Any]:
        """What the last look found, and where the next will be, as tensors and plain data."""
        return {
            "age": self.age,
            "looks": self._looks,
            "places": {name: list(place) for name, place in self._places.items()},
            "matches": dict(self._matches),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from another's `state_dict`, which stays as it is.

        Raises:
            ValueError: it is of other layers, or of another picture.
        """
        age, looks = state["age"], state["looks"]
        if not isinstance(looks, int) or not (age is None or isinstance(age, int)):
            raise ValueError("neighbours' counters must be whole numbers")
        self.age, self._looks = age, looks
        if age is None:
            return
        if state["matches"].keys() != self.candidates.keys():
            raise ValueError("the neighbours are of other layers")
        for name, matches in state["matches"].items():
            place = tuple(int(part) for part in state["places"][name])
            self._places[name] = (place[0], place[1], place[2])
            size = self._sample(name, self._content[name]).shape[-2:]
            if matches.shape != (size[0] * size[1],) or int(matches.max()) >= len(self.candidates[name]):
                raise ValueError("the neighbours are of another picture")
            self._matches[name] = matches.to(self.candidates[name].device, copy=True)
            self._aim(name, size)


def make_neighbours(
    network: Vgg, content: Tensor, styles: Sequence[Tensor], recipe: BaseRecipe, guide: Guide | None
) -> Neighbours | None:
    """What a recipe's neighbours term needs at one size; None for a recipe that looks for none."""
    if not isinstance(recipe, Recipe) or not recipe.active_layers("neighbours"):
        return None
    return Neighbours(network, content, styles, recipe, guide.maps(1) if guide is not None else None)


def covers_neighbours(neighbours: Neighbours | None, recipe: BaseRecipe) -> bool:
    """Whether `recipe` differs in weights alone from what these were made for, or looks for none."""
    if not isinstance(recipe, Recipe) or not recipe.active_layers("neighbours"):
        return True
    return neighbours is not None and _key(recipe) == neighbours.key


def _key(recipe: Recipe) -> tuple[Any, ...]:
    """What candidates are made of: weights of single layers count in hypercolumns alone."""
    layers = {name: weight for name, weight in recipe.neighbours_layers.items() if weight > 0}
    together = recipe.neighbours_features == "hypercolumns"
    return (
        recipe.neighbours_features, recipe.neighbours_rotations, tuple(layers.items() if together else layers),
        recipe.seed,
    )  # fmt: skip


def _stride(maps: Tensor, most: int) -> int:
    """The smallest step along both sides that leaves about `most` positions."""
    height, width = maps.shape[-2:]
    return max(1, math.ceil(math.sqrt(height * width / most)))


def _rows(maps: Tensor) -> Tensor:
    """1×C×h×w as h·w rows of C."""
    return maps[0].flatten(1).T.contiguous()


def _energy(maps: Tensor) -> Tensor:
    """Root of the mean squared length of the centred vectors, by which layers of all strengths count alike."""
    return centred_maps(maps).square().sum(1).mean().sqrt().clamp_min(TINY)
