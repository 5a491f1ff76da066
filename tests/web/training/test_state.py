"""The recipe that the controls of Train a style show: presets, networks, layers, and what a person has set."""

from __future__ import annotations

from typing import Any

import pytest

from playground.networks.read import Weights
from playground.recipe.training import TrainingRecipe
from playground.web.components import controls, layers
from playground.web.training.state import FIELDS, Desk, first_recipe, on_preset, wanted_recipe

pytestmark = pytest.mark.usefixtures("hed")


def shown(recipe: TrainingRecipe, **changed: Any) -> list[Any]:
    """What the controls give for a recipe, but for what a person has changed."""
    grid = layers.grid_value(recipe)
    for kind in ("content", "style"):
        grid[kind] = changed.pop(kind, grid[kind])
    return [*(changed.get(name, controls.shown(name, recipe)) for name in FIELDS), grid]


def test_what_nobody_touched_is_the_preset() -> None:
    for name in ("fast-default", "fast-1", "fast-5"):
        recipe = first_recipe(name)
        assert wanted_recipe(Desk(preset=name), shown(recipe)) == recipe


def test_layers_with_their_weights_are_taken_over() -> None:
    recipe = first_recipe("fast-default")
    style = {**recipe.style_layers, "conv1_2": 2.5, "conv5_1": 0.3, "conv2_2": 0}
    found = wanted_recipe(Desk(), shown(recipe, style=style, content={"conv4_2": 1.0}))
    assert found.style_layers == {name: weight for name, weight in style.items() if weight}
    assert found.content_layers == {"conv4_2": 1.0}
    assert found.changed({"style_layers": recipe.style_layers, "content_layers": recipe.content_layers}) == recipe


def test_another_preset_brings_its_own_numbers_and_leaves_the_seed() -> None:
    first = first_recipe("fast-default")
    typed = shown(first, seed=7, steps=30, style_weight=99.0, width=16)
    found = on_preset(Desk(), "fast-4", None, typed)
    assert found == first_recipe("fast-4").changed({"seed": 7})
    assert (found.epochs, found.steps, found.pool) == (20, None, "average")


def test_the_network_is_the_preset_s_until_somebody_chooses_one(hed: Weights) -> None:
    desk = Desk(preset="fast-1")
    first = first_recipe("fast-1")
    assert (first.network, first.numbers) == ("vgg16-hed", "adapted")  # the source's is not on this machine
    again = on_preset(desk, "fast-1", "vgg16-hed", shown(first, seed=7, steps=30, style_weight=99.0))
    assert again == first.changed({"seed": 7, "steps": 30})  # a network brings its weights
