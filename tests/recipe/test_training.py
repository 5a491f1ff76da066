"""The settings of a training: the sources' experiments as presets, and what is refused."""

from __future__ import annotations

import math

import pytest

from playground.recipe.base import RecipeError
from playground.recipe.model import Recipe
from playground.recipe.presets import load_preset, load_training_preset, presets
from playground.recipe.styles import EARLIER_NAMES
from playground.recipe.training import PAINTING_ONLY
from tests.helpers.training import tiny


@pytest.mark.parametrize(
    ("name", "batch", "epochs", "style_weight", "content_weight", "pool"),
    [("fast-1", 4, 10, 1e10, 1e5, "max"), ("fast-2", 4, 4, 1e11, 1e4, "max"), ("fast-3", 4, 2, 1e11, 1e6, "max"),
     ("fast-4", 8, 20, 1e11, 1e6, "average"), ("fast-5", 4, 2, 1e21, 1e4, "max")],
)  # fmt: skip
def test_the_sources_experiments(
    name: str, batch: int, epochs: int, style_weight: float, content_weight: float, pool: str
) -> None:
    recipe = load_training_preset(name)
    assert (recipe.batch_size, recipe.epochs, recipe.pool) == (batch, epochs, pool)
    assert (recipe.style_weight, recipe.content_weight) == (style_weight, content_weight)
    assert (recipe.image_size, recipe.style_size, recipe.learning_rate) == (256, 448, 1e-3)
    assert recipe.content_layers == {"conv2_2": 1.0}
    assert recipe.style_layers == dict.fromkeys(("conv1_2", "conv2_2", "conv3_3", "conv4_3"), 1.0)
    assert (recipe.content_loss, recipe.style_loss, recipe.variation_weight) == ("mean", "volume", 0)
    assert (recipe.network, recipe.numbers, recipe.width, recipe.blocks) == ("vgg16-imagenet", "source", 32, 5)
    adapted = load_training_preset(name, "vgg16-hed")
    assert adapted.numbers == "adapted"
    changed = {"network", "numbers", "style_weight", "content_weight"}
    assert adapted.model_dump(exclude=changed) == recipe.model_dump(exclude=changed)
    # The source's balance is kept, corrected by how much larger this network's features are.
    assert 1e-4 < (adapted.style_weight / adapted.content_weight) / (style_weight / content_weight) < 1e-3


def test_training_and_painting_presets_are_told_apart() -> None:
    assert {name for name, preset in presets().items() if preset.kind == "train"} == {
        "fast-default", "fast-1", "fast-2", "fast-3", "fast-4", "fast-5",
    }  # fmt: skip
    assert load_training_preset().learning_rate == 1e-3
    with pytest.raises(RecipeError, match="no train preset"):
        load_training_preset("default")
    with pytest.raises(RecipeError, match="no stylize preset"):
        load_preset("fast-1")


def test_settings_are_checked_like_a_recipes() -> None:
    for key, value in {
        "image_size": 8,
        "batch_size": 0,
        "steps": 0,
        "style_weight": -1,
        "learning_rate": math.nan,
    }.items():
        with pytest.raises(RecipeError, match=key):
            tiny(**{key: value})
    with pytest.raises(RecipeError, match="did you mean 'batch_size'"):
        tiny(batchsize=2)
    assert set(Recipe.model_fields) | EARLIER_NAMES >= PAINTING_ONLY > {"size", "plan", "journal"}
    for key in PAINTING_ONLY:
        with pytest.raises(RecipeError, match="of painting, not of training"):
            tiny(**{key: getattr(Recipe(), key, False)})
