"""Numbers belong to a network: what a preset states on the source's own, on another, and what that changes, in words.

Called by presets.py and by whoever puts a recipe on another network. Knows networks only as a `Look`: no file, no tensor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from playground.recipe.base import NETWORK_KINDS, RecipeError

# How a layer's loss grows with the mean square of its maps, as a power; 0: not at all. A Gram matrix is of their square.
CONTENT_POWERS = {"mean": 1, "channels": 1, "relative": 0}
STYLE_POWERS = {
    "gatys": 2, "rows": 2, "positions": 2, "mean_positions": 2, "raw": 2, "volume": 2, "relative": 0, "moments": 0,
}  # fmt: skip


ITS_OWN_KERNELS = "its own kernels"


@dataclass(frozen=True)
class Factors:
    """By layer, the mean square of the source's maps over that of another network's.

    Attributes:
        against: the source's network by its name, where it was here to be measured; else `ITS_OWN_KERNELS`: the same file
            with its input in the source's convention, which knows of no layer that was rescaled among the others.
    """

    of: Mapping[str, float]
    against: str


class Look(Protocol):
    """A network, as far as a preset's numbers depend on it."""

    @property
    def name(self) -> str:
        """As a recipe states it."""

    @property
    def identity(self) -> str:
        """The published network that it is, else its name."""

    @property
    def kind(self) -> tuple[str, str]:
        """Architecture and input convention."""

    def factors(self, source: str) -> Factors:
        """Measured against the network called `source`."""


@dataclass(frozen=True)
class Named:
    """A network known by its name alone, which nothing can be measured of."""

    name: str

    @property
    def identity(self) -> str:
        return self.name

    @property
    def kind(self) -> tuple[str, str]:
        return NETWORK_KINDS.get(self.name, ("", ""))

    def factors(self, source: str) -> Factors:
        raise RecipeError(
            f"numbers made for {source} have to be converted to {self.name!r}, which its file has to be measured for"
        )


def is_own(network: str, look: Look) -> bool:
    """Whether a preset made for `network` has its own numbers on another: the same, or of the same kind.

    `vgg16-hed` was trained on for another purpose, so that it is of no other network's kind.
    """
    if look.identity == network:
        return True
    return "vgg16-hed" not in (network, look.identity) and look.kind == NETWORK_KINDS[network]


def needs_factors(stated: Mapping[str, Any]) -> bool:
    """Whether a preset's losses grow with the maps, so that its weights depend on how strong they are."""
    return bool(CONTENT_POWERS[stated["content_loss"]] or STYLE_POWERS[stated["style_loss"]])


def converted(stated: Mapping[str, Any], factors: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """The layers' weights by which every loss is as large on another network as it is on the source's.

    A content loss grows with the mean square q of a layer's maps, a style loss with its square (Gram matrices are
    products of maps, and are squared): w_content·q_source/q, w_style·(q_source/q)². Four digits are kept.

    Args:
        stated: a preset's settings.
        factors: q_source/q by layer; a layer without one keeps its weight.
    """
    found = {}
    for kind, powers in (("content", CONTENT_POWERS), ("style", STYLE_POWERS)):
        power = powers[stated[f"{kind}_loss"]]
        found[f"{kind}_layers"] = {
            layer: float(f"{weight * factors.get(layer, 1.0) ** power:.4g}")
            for layer, weight in stated[f"{kind}_layers"].items()
        }
    return found
