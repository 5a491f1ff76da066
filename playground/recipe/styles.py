"""The settings of a run that say which style images count for how much, where, and whose colours it has.

`Recipe` has them beside its own; the pictures themselves travel beside a recipe, as images/pictures.py says.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field, field_validator, model_validator

from playground.errors import PlaygroundError
from playground.recipe.fields import Weight, setting, spelling

MAX_STYLES = 4
EARLIER_NAMES = frozenset({"original_colours"})
"""Settings of earlier versions that are read still."""
Colours = Annotated[
    Literal["style", "content", "matched", "palette", "fitted"], spelling(colors="style", photo="content")
]
MAX_MAP_TEXT = 40_000  # characters of a map of regions
MapText = Annotated[str, Field(max_length=MAX_MAP_TEXT, pattern=r"^[A-Za-z0-9+/]*={0,2}$")]
Scale = Annotated[float, Field(ge=0.05, le=20, allow_inf_nan=False)]


Stating = TypeVar("Stating", bound="StyleSettings")


class StyleSettings(BaseModel):
    """What a recipe says of its style images. A list has an entry a style image, in their order; an empty one means 1 for each."""

    style_weights: tuple[Weight, ...] = setting(
        (), "Weights of the paintings",
        "How much each painting counts. Without a map their statistics are blended, by each weight's share of the sum; with "
        "one, each is how strongly its own region is painted.",
        group="paintings", live=True, max_length=MAX_STYLES,
    )  # fmt: skip
    style_scales: tuple[Scale, ...] = setting(
        (), "Scales of the paintings",
        "What each painting's style scale is multiplied with: below 1 makes its strokes finer, above 1 broader.",
        group="paintings", live=True, max_length=MAX_STYLES,
    )  # fmt: skip
    colours: Colours = setting(
        "style", "Whose colours",
        "style: the painting's. content: the photo's, with light and dark of the painted result. matched: the photo's, by "
        "giving the painting its colours before painting starts. palette: the photo in the painting's colours, without strokes. "
        "fitted: the photo, sharp, with the colours and the light that the painted result has in each place.",
        group="picture", live=True,
    )  # fmt: skip

    regions: MapText = setting(
        "", "Map of regions",
        "Which painting goes where, as the text of a small PNG: red, green, blue, yellow are paintings 1 to 4, black is left "
        "as it is. Empty: no regions.",
        group="paintings",
    )  # fmt: skip
    region_softness: float = setting(
        0.0, "Softness of borders", "How wide the borders between regions are, over the long side; 0 makes them sharp.",
        group="paintings", ge=0, le=0.25,
    )  # fmt: skip
    region_content_weights: tuple[Weight, ...] = setting(
        (), "Content weights of the regions",
        "What the content weight is multiplied with in each region, in the order of their paintings.",
        group="paintings", live=True, max_length=MAX_STYLES,
    )  # fmt: skip
    kept: MapText = setting(
        "", "What is kept more", "A soft map, such as of faces, as the text of a small grey PNG. Empty: nothing.",
        group="paintings",
    )  # fmt: skip
    kept_weight: Weight = setting(
        10.0, "Weight of what is kept", "What the content weight is multiplied with where the soft map is white.",
        group="paintings", live=True, log=True,
    )  # fmt: skip

    @model_validator(mode="before")
    @classmethod
    def _earlier_names(cls, data: Any) -> Any:
        """`original_colours`, a switch in recipes of earlier versions, is `colours` now."""
        if isinstance(data, dict) and "original_colours" in data:
            data = dict(data)
            wanted = data.pop("original_colours")
            if wanted is True:
                data["colours"] = "content"
            elif data.get("colours") == "content":
                data["colours"] = "style"
        return data

    @field_validator("style_weights")
    @classmethod
    def _one_counts(cls, weights: tuple[float, ...]) -> tuple[float, ...]:
        if weights and not any(weights):
            raise ValueError("give at least one painting a weight above zero")
        return weights


def with_weights(recipe: Stating, count: int) -> Stating:
    """The recipe with the weights of several style images stated, and so their number; one for one stays as it is.

    Raises:
        PlaygroundError: it is for another number of them.
    """
    for_styles(recipe.style_weights, count)
    for_styles(recipe.style_scales, count, "style scales")
    for_styles(recipe.region_content_weights, count, "content weights of regions")
    if count == 1 or recipe.style_weights:
        return recipe
    return recipe.model_copy(update={"style_weights": (1.0,) * count})


def for_styles(weights: tuple[float, ...], count: int, what: str = "") -> tuple[float, ...]:
    """A list with an entry for each of `count` paintings; 1 where the recipe states none.

    Args:
        what: the list's name for people, where it is not the paintings' weights.

    Raises:
        PlaygroundError: it was made for another number of style images.
    """
    if not weights:
        return (1.0,) * count
    if len(weights) != count:
        given = "1 is given" if count == 1 else f"{count} are given"
        made = "1 painting" if len(weights) == 1 else f"{len(weights)} paintings"
        advice = "give the others too" if len(weights) > count else "leave some out, or its weights"
        if what:
            raise PlaygroundError(f"this recipe has {what} for {made} and {given}: state one for each, or none")
        raise PlaygroundError(f"this recipe is for {made} and {given}: {advice}")
    return weights
