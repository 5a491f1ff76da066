"""The settings of a run that say how it looks for neighbours, and whether it has a first light.

`Recipe` has them beside its own; what they do stands in engine/neighbours.py and is not known here.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from playground.recipe.fields import Weight, setting

NEIGHBOUR_LAYERS = ("conv2_1", "conv3_1", "conv3_3", "conv4_1", "conv4_3")


class NeighbourSettings(BaseModel):
    """What a recipe says of its neighbours; with a weight of 0 nobody looks for them."""

    neighbours_weight: Weight = setting(
        0.0, "Neighbours weight",
        "How strongly every place of the picture is made like the place of the painting that it resembles most: strokes and "
        "colours come where they belong. 0: the painting's statistics alone, which say nothing of where.",
        group="neighbours", live=True, log=True,
    )  # fmt: skip
    neighbours_layers: dict[str, Weight] = setting(
        dict.fromkeys(NEIGHBOUR_LAYERS, 0.2), "Neighbours layers",
        "Layers in which places are compared: early ones see small strokes, late ones whole forms.",
        group="neighbours", live=True,
    )  # fmt: skip
    neighbours_features: Literal["layers", "hypercolumns"] = setting(
        "layers", "Compare places by",
        "layers: each layer finds its own neighbours. hypercolumns: all layers together find one, as Kolkin et al. do.",
        group="style", live=True,
    )  # fmt: skip
    content_query: float = setting(
        0.5, "Follow the photo",
        "What a place is looked up by: 1 follows the photo, 0 lets the picture find its own way.",
        group="style", live=True, ge=0, le=1,
    )  # fmt: skip
    neighbours_every: int = setting(
        10, "Look anew every",
        "After so many evaluations neighbours are looked for again. The losses before and after cannot be compared, so L-BFGS "
        "forgets what it has learnt, and the result is the best picture since.",
        group="style", live=True, ge=1, le=100_000, unit="evaluations",
    )  # fmt: skip
    first_light: bool = setting(
        False, "First light",
        "Where painting begins at the photo, show at once what a network for any painting makes of it. It is only looked at: "
        "painting goes on from the photo.",
        group="run",
    )  # fmt: skip
    neighbours_rotations: int = setting(
        0, "Turned paintings", "Copies of the painting, each a quarter turn further, that may be looked at too.",
        group="style", live=True, ge=0, le=3,
    )  # fmt: skip
