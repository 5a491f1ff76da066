"""The state of the Train a style tab on one open page, and the recipe that its controls show.

Read by the tab and its handlers. Knows no component and starts nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from playground.feedforward.photos import Photos
from playground.networks import catalogue
from playground.networks.known import known
from playground.recipe.base import DEFAULT_NETWORK
from playground.recipe.parse import training_on_preset
from playground.recipe.presets import find_preset, presets
from playground.recipe.training import TrainingRecipe
from playground.service.run_folder import RunFolder
from playground.service.training_job import TrainingJob
from playground.web.components import controls
from playground.web.components.messages import message
from playground.web.components.numbers import numbers_note
from playground.web.visit import Visit
from playground.web.words import has, say

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
    return training_on_preset(name, {"network": network, "steps": steps}, known=known)


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


def preset_note(recipe: TrainingRecipe) -> str:
    """What is to be known of a preset: its note, whose numbers its recipe holds, and what differs from the source's."""
    key = f"preset.{recipe.preset or 'fast-default'}.note"
    return message(say(key) if has(key) else "", "note") + numbers_note(recipe)
