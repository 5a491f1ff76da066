"""Recipes that earlier versions wrote load with every value they state."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from playground.cli.common import chosen_recipe
from playground.images.load import read_recipe_text
from playground.images.save import save_picture
from playground.recipe.base import BaseRecipe, RecipeError
from playground.recipe.model import Recipe
from playground.recipe.parse import parse_recipe, recipe_on_preset, stored_training
from playground.recipe.presets import load_preset
from playground.recipe.training import PAINTING_ONLY, TrainingRecipe
from tests.helpers import version_0_1


def states(recipe: BaseRecipe, written: dict[str, object]) -> None:
    now = recipe.model_dump(mode="json")
    assert {key: now[key] for key in written} == written


def test_a_settings_file() -> None:
    written = json.loads(version_0_1.RECIPE)
    recipe = parse_recipe(version_0_1.RECIPE)
    written["colours"] = "content" if written.pop("original_colours") else "style"  # its name since then
    states(recipe, written)
    newer = recipe.model_dump(exclude=set(written))
    assert newer == Recipe().model_dump(exclude=set(written)), "a setting that is newer is as it was before"


def test_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "old.png"
    save_picture(Image.new("RGB", (64, 64)), path, recipe=version_0_1.RECIPE)
    text = read_recipe_text(path)
    assert text is not None
    assert parse_recipe(text) == parse_recipe(version_0_1.RECIPE)
    assert chosen_recipe(None, path, [], {}) == parse_recipe(version_0_1.RECIPE)


def test_a_whole_recipe_takes_nothing_from_a_preset() -> None:
    """Not even the settings that are newer than it, which a preset may turn on."""
    written = json.loads(version_0_1.RECIPE)
    del written["padding"]  # stands for a setting that came later
    assert load_preset("default").padding != Recipe().padding
    assert recipe_on_preset("default", written).padding == Recipe().padding
    assert recipe_on_preset("default", {}, written, {"seed": 3}).padding == Recipe().padding
    del written["plan"]  # no recipe that was saved
    assert recipe_on_preset("default", written).padding == load_preset("default").padding


def test_a_training() -> None:
    written = json.loads(version_0_1.TRAINING)
    recipe = stored_training(written)
    states(recipe, {key: value for key, value in written.items() if key not in PAINTING_ONLY})
    assert {"size", "canvas", "optimizer", "plan", "journal"} <= PAINTING_ONLY
    assert stored_training(json.loads(recipe.to_json())) == recipe


def test_a_training_that_states_something_else() -> None:
    with pytest.raises(RecipeError, match="there is no setting called 'colour'"):
        stored_training({"colour": 1})
    with pytest.raises(RecipeError, match="batch_size"):
        stored_training({"batch_size": 0})


def test_a_training_is_no_recipe_of_a_run() -> None:
    assert not issubclass(TrainingRecipe, Recipe)
    assert not TrainingRecipe.model_fields.keys() & PAINTING_ONLY
    with pytest.raises(RecipeError, match="there is no setting called 'image_size'"):
        parse_recipe(version_0_1.TRAINING)
