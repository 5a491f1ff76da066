"""The settings of a training: the terms, the network and the rates of a run, and what only a training has.

The command line, the page and the file of a trained model all hold this object; presets of kind "train" are such recipes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from playground.recipe.base import BaseRecipe, RecipeError
from playground.recipe.fields import setting
from playground.recipe.model import Recipe
from playground.recipe.styles import EARLIER_NAMES


class TrainingRecipe(BaseRecipe):
    """The whole of a training's settings; `seconds`, `seed`, weights, layers and rates mean what they mean in a run."""

    image_size: int = setting(
        256, "Crop size", "Side of the square crops that the network learns from.", group="training", ge=32, le=1024,
        unit="px",
    )  # fmt: skip
    batch_size: int = setting(4, "Batch size", "Crops a step, on each device.", group="training", ge=1, le=256)
    epochs: int = setting(
        2, "Epochs", "How often every photograph is seen, unless a number of steps is given.", group="training", ge=1,
        le=10_000,
    )  # fmt: skip
    steps: Annotated[int, Field(ge=1, le=10_000_000)] | None = setting(
        None, "Steps", "Length of the whole training; empty: as the epochs ask.", group="training", live=True
    )
    width: int = setting(
        32, "Network width", "Channels at full size: 16 is three times as fast, 32 is the published network.",
        group="training", ge=4, le=128,
    )  # fmt: skip
    blocks: int = setting(
        5, "Residual blocks", "How many layers work at a quarter of the size.", group="training", ge=1, le=16
    )
    start_from: str | None = setting(
        None, "Start from", "A trained model of the same width to learn on from, which takes a fraction of the steps.",
        group="training", max_length=1000,
    )  # fmt: skip
    augment: bool = setting(
        False, "Vary the photos", "Mirror the crops and vary their scale and light: more from few photographs.",
        group="training",
    )  # fmt: skip
    workers: int = setting(
        0,
        "Workers",
        "Processes that read photographs ahead; 0 reads them between steps.",
        group="training",
        ge=0,
        le=64,
    )
    checkpoint_steps: int = setting(
        200, "Checkpoint every", "Steps after which everything is saved and a before/after picture made.",
        group="training", live=True, ge=1, le=1_000_000, unit="steps",
    )  # fmt: skip
    checkpoint_seconds: float = setting(
        300.0, "Checkpoint at least every", "Seconds after which everything is saved in any case.", group="training",
        live=True, ge=1, le=86_400, unit="s",
    )  # fmt: skip

    def changed(self, changes: Mapping[str, Any]) -> TrainingRecipe:
        """This recipe with `changes` applied, as for a run.

        Raises:
            RecipeError: also for a setting that only painting has.
        """
        for key in changes:
            if key.partition(".")[0] in PAINTING_ONLY:
                raise RecipeError(f"{key!r} is a setting of painting, not of training: leave it out")
        return super().changed(changes)


PAINTING_ONLY = (frozenset(Recipe.model_fields) | EARLIER_NAMES) - frozenset(TrainingRecipe.model_fields)
"""Settings of painting that mean nothing in a training: a value given for one would be silently ignored."""


def is_live(name: str) -> bool:
    """Whether a setting may change while a training is going on."""
    field = TrainingRecipe.model_fields.get(name)
    return field is not None and isinstance(field.json_schema_extra, dict) and bool(field.json_schema_extra.get("live"))
