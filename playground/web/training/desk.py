"""The state of the Train a style tab on one open page, and the recipe that its controls show.

Read by the tab and its handlers. Knows no component and starts nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from playground.feedforward.photos import Photos
from playground.networks import catalogue
from playground.recipe.model import DEFAULT_NETWORK
from playground.recipe.parse import training_on_preset
from playground.recipe.presets import find_preset, presets
from playground.recipe.training import TrainingRecipe
from playground.service.job import TrainingJob
from playground.service.run_folder import RunFolder
from playground.web.components import controls
from playground.web.components.messages import message
from playground.web.visit import Visit

FIELDS = (
    "steps", "epochs", "image_size", "batch_size", "width", "blocks", "augment", "pool", "content_weight", "style_weight",
    "variation_weight", "learning_rate", "style_size", "seed",
)  # fmt: skip
"""Settings of a training that have a control here; the others are the preset's."""
FIRST_STEPS = 1000  # with a handful of photographs, epochs would end before anything is learnt


@dataclass
class Desk(Visit):
    """The state of the tab on one open page."""

    job: TrainingJob | None = None
    folder: RunFolder | None = None  # of uploaded photographs that no training has taken over yet
    photos: Photos | None = None
    preset: str = "fast-default"

    def running(self) -> TrainingJob | None:
        """The training that is going on, if any."""
        return self.job if self.job is not None and not self.job.ended else None


def training_presets() -> dict[str, Any]:
    """The presets of trainings, `fast-default` first."""
    found = {name: preset for name, preset in presets().items() if preset.kind == "train"}
    return dict(sorted(found.items(), key=lambda item: item[0] != "fast-default"))


def first_recipe(name: str) -> TrainingRecipe:
    """A preset's recipe on a network that is here; other than the source's, its adapted numbers apply."""
    preset = find_preset(name, "train")
    wanted = preset.network
    network = wanted if catalogue.is_available(wanted) else DEFAULT_NETWORK
    steps = FIRST_STEPS if preset.numbers == "own" else None  # an experiment keeps its source's epochs
    return training_on_preset(name, {"network": network, "steps": steps})


def wanted_recipe(desk: Desk, values: Sequence[Any]) -> TrainingRecipe:
    """The recipe that the controls show.

    Raises:
        PlaygroundError: a value cannot be used.
    """
    base = first_recipe(desk.preset)
    changes = {
        name: controls.given(name, value, TrainingRecipe)
        for name, value in zip(FIELDS, values, strict=True)
        if value != controls.shown(name, base)
    }
    return base.changed(changes)


def numbers_note(recipe: TrainingRecipe) -> str:
    """Whose numbers a preset's recipe holds, and what else is to be known of it."""
    preset = training_presets()[recipe.preset or "fast-default"]
    lines = [preset.note] if preset.note else []
    if recipe.numbers == "adapted":
        lines.append(
            f"The source's numbers are for {preset.network}; these weights are adapted to {recipe.network}, so that the "
            "terms pull in the same proportion"
        )
    return "".join(message(line, "note") for line in lines)
