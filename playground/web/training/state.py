"""The state of the Train a style tab on one open page, and the recipe that its controls show.

Read by the tab and its handlers. Knows no component and starts nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from playground.feedforward.photos import Photos
from playground.networks import catalogue
from playground.networks.network_facts import known
from playground.recipe.base import DEFAULT_NETWORK
from playground.recipe.parse import training_on_preset
from playground.recipe.presets import find_preset, presets
from playground.recipe.training import TrainingRecipe
from playground.service.folders import GivenPhotos, bundled_photos
from playground.service.training_job import TrainingJob
from playground.web.components import controls, layers
from playground.web.components.messages import message
from playground.web.components.numbers import numbers_note
from playground.web.visit import Visit
from playground.web.words import has, say

FIELDS = (
    "steps", "epochs", "image_size", "batch_size", "width", "blocks", "augment", "pool", "content_weight", "style_weight",
    "variation_weight", "learning_rate", "style_size", "network", "seed",
)  # fmt: skip
"""Settings of a training that have a control here, beside the grid of layers; the others are the preset's."""
KEPT = ("seed",)
"""What stays as a person has set it when another preset is chosen; how long to train is an experiment's own."""
NUMBERS = ("content_weight", "style_weight", "variation_weight", "content_layers", "style_layers", "network")
"""What a network brings with it."""
FIRST_STEPS = 1000  # with a handful of photographs, epochs would end before anything is learnt


@dataclass
class Desk(Visit):
    """The state of the tab on one open page."""

    job: TrainingJob | None = None
    given: GivenPhotos | None = None  # that no training has taken over yet
    preset: str = "fast-default"
    network: str | None = None  # that a person has chosen

    def running(self) -> TrainingJob | None:
        """The training that is going on, if any."""
        return self.job if self.job is not None and not self.job.ended else None

    @property
    def photos(self) -> Photos:
        """What a training begun now would learn from."""
        return self.given.photos if self.given else bundled_photos()


def training_presets() -> dict[str, Any]:
    """The presets of trainings, `fast-default` first."""
    found = {name: preset for name, preset in presets().items() if preset.kind == "train"}
    return dict(sorted(found.items(), key=lambda item: item[0] != "fast-default"))


def first_recipe(name: str, network: str | None = None) -> TrainingRecipe:
    """A preset's recipe on a network that is here, its own where none is named, with the preset's numbers for that."""
    preset = find_preset(name, "train")
    wanted = network or preset.network
    network = wanted if catalogue.is_available(wanted) else DEFAULT_NETWORK
    steps = FIRST_STEPS if preset.numbers == "own" else None  # an experiment keeps its source's epochs
    return training_on_preset(name, {"network": network, "steps": steps}, known=known)


def wanted_recipe(desk: Desk, values: Sequence[Any]) -> TrainingRecipe:
    """The recipe that the controls show.

    Raises:
        PlaygroundError: a value cannot be used.
    """
    base = first_recipe(desk.preset, desk.network)
    return base.changed(changes_to(base, values))


def changes_to(base: TrainingRecipe, values: Sequence[Any]) -> dict[str, Any]:
    """What the controls show otherwise than a recipe, but for the network: a person has set it.

    Args:
        values: of `FIELDS`, and of the grid of layers.

    Raises:
        PlaygroundError: a value cannot be used.
    """
    *plain, grid = values
    changes = {
        name: controls.given(name, value, TrainingRecipe)
        for name, value in zip(FIELDS, plain, strict=True)
        if name != "network" and value != controls.shown(name, base)
    }
    found = layers.judged(grid)
    for kind in ("content", "style"):
        wanted = {layer: float(weight) for layer, weight in found[kind].items() if weight > 0}
        if wanted != {layer: weight for layer, weight in getattr(base, f"{kind}_layers").items() if weight > 0}:
            changes[f"{kind}_layers"] = wanted
    return changes


def on_preset(desk: Desk, preset: str, network: str | None, values: Sequence[Any]) -> TrainingRecipe:
    """Another preset, or the same on another network, with what a person has set and it is not about.

    Raises:
        PlaygroundError: a control's value cannot be used, or the network has not the preset's layers.
    """
    mine = changes_to(first_recipe(desk.preset, desk.network), values)
    same = preset == desk.preset
    kept = {name: value for name, value in mine.items() if (name not in NUMBERS if same else name in KEPT)}
    return first_recipe(preset, network).changed(kept)


def preset_note(recipe: TrainingRecipe) -> str:
    """What is to be known of a preset: its note, whose numbers its recipe holds, and what differs from the source's."""
    key = f"preset.{recipe.preset or 'fast-default'}.note"
    return message(say(key) if has(key) else "", "note") + numbers_note(recipe)
