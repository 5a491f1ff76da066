"""The shipped recipes: whole, their sources' numbers, and the numbers for another network."""

from __future__ import annotations

import pytest

from playground.recipe.base import DEFAULT_NETWORK, RecipeError
from playground.recipe.model import Recipe
from playground.recipe.parse import parse_recipe
from playground.recipe.presets import PRESET_FOLDER, Preset, find_preset, load_preset, presets

PRESETS = [name for name, preset in presets().items() if preset.kind == "stylize"]


def test_the_table_of_this_file_is_not_empty() -> None:
    assert {"default", "gatys-adam", "vgg16-lbfgs", "tf-adam-tv"} <= set(PRESETS)


def test_the_default_preset_is_ours_comes_first_and_needs_only_the_default_network() -> None:
    assert next(iter(presets())) == "default"
    assert all(name == preset.name for name, preset in presets().items())
    assert len(presets()) == len(list(PRESET_FOLDER.glob("*.json")))
    recipe = load_preset()
    assert (recipe.preset, recipe.network, recipe.numbers) == ("default", DEFAULT_NETWORK, "own")


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_whole(name: str) -> None:
    preset = find_preset(name)
    assert preset.title
    assert preset.description.endswith(".")
    recipe = load_preset(name)
    assert recipe.preset == name
    assert recipe.network == preset.network
    assert recipe.numbers == preset.numbers
    for key, value in preset.recipe.items():
        assert getattr(recipe, key) == getattr(Recipe.of({**preset.recipe, "network": preset.network}), key), key
        assert value == getattr(recipe, key), f"{key} is written in another spelling than it is saved in"
    assert parse_recipe(recipe.to_json()) == recipe


@pytest.mark.parametrize("name", [name for name in PRESETS if find_preset(name).network != DEFAULT_NETWORK])
def test_a_preset_has_adapted_numbers_for_the_default_network(name: str) -> None:
    preset = find_preset(name)
    source, adapted = load_preset(name), load_preset(name, network=DEFAULT_NETWORK)
    assert adapted.network == DEFAULT_NETWORK
    assert adapted.numbers == "adapted"
    numbers = preset.adapted[DEFAULT_NETWORK]
    for key in Recipe.model_fields:
        expected = numbers.get(key, getattr(source, key))
        if key not in ("network", "numbers"):
            assert getattr(adapted, key) == expected, key
    for kept in (
        "content_layers", "content_loss", "style_loss", "optimizer", "learning_rate", "iterations", "pool", "space", "canvas",
    ):  # fmt: skip
        assert kept not in numbers, "layers, normalisations, optimiser and schedule are the source's"


def test_the_sources_networks_have_the_sources_numbers() -> None:
    for name in ("gatys-adam", "vgg16-lbfgs", "tf-adam-tv"):
        assert load_preset(name, find_preset(name).network) == load_preset(name)
    assert find_preset("vgg16-lbfgs").network == "vgg16-caffe"
    assert find_preset("tf-adam-tv").network == "vgg19-caffe"


def test_the_three_pixel_recipes_carry_their_sources_numbers() -> None:
    gatys, lbfgs, variation = (load_preset(name) for name in ("gatys-adam", "vgg16-lbfgs", "tf-adam-tv"))
    assert (gatys.network, variation.network) == ("vgg19-imagenet", "vgg19-caffe")
    assert gatys.style_layers == {"conv1_1": 1.0, "conv2_1": 0.8, "conv3_1": 0.4, "conv4_1": 0.2, "conv5_1": 0.1}
    assert (gatys.optimizer, gatys.learning_rate, gatys.space, gatys.init) == ("adam", 0.003, "normalised", "content")
    assert (gatys.content_layers, gatys.pool, gatys.size) == ({"conv4_2": 1.0}, "max", 224)
    assert lbfgs.style_layers == {"conv1_2": 0.05, "conv2_2": 0.2, "conv3_2": 0.2, "conv4_2": 0.25, "conv5_2": 0.3}
    assert (lbfgs.pool, lbfgs.pool_rescale, lbfgs.space, lbfgs.clip) == ("average", False, "centred", True)
    assert (lbfgs.iterations, lbfgs.lbfgs_evaluations, lbfgs.lbfgs_history) == (10, 20, 10)
    assert (lbfgs.init, lbfgs.noise, lbfgs.noise_scale, lbfgs.noise_mean) == ("noise", "uniform", 0.025, 0)
    assert lbfgs.style_weight / lbfgs.content_weight == pytest.approx(15)
    assert (variation.style_weight, variation.content_weight, variation.variation_weight) == (1e-2, 1e4, 1e8)
    assert (variation.learning_rate, variation.beta1, variation.epsilon, variation.clip) == (0.02, 0.99, 0.1, True)
    assert (variation.init, variation.noise, variation.noise_scale, variation.noise_mean) == ("noise", "normal", 1, 0)
    assert (variation.content_layers, variation.size, variation.iterations) == ({"conv5_2": 1.0}, 512, 50_000)


def test_an_unknown_preset_is_one_sentence_with_the_names() -> None:
    with pytest.raises(RecipeError, match="there is no stylize preset called 'oil'; there are default, "):
        load_preset("oil")


def test_the_lessons_have_a_base_of_their_own_which_is_no_preset_of_the_page() -> None:
    base = Preset.model_validate_json((PRESET_FOLDER / "lessons" / "base.json").read_text("utf-8"))
    assert (base.name, base.kind, base.network) == ("base", "stylize", DEFAULT_NETWORK)
    assert "base" not in presets()
    recipe = Recipe.of({**base.recipe, "network": base.network})
    assert (recipe.style_loss, recipe.optimizer, recipe.canvas, recipe.size) == ("moments", "lbfgs", "pyramid", 384)
    assert recipe.content_layers == {"conv3_2": 0.3, "conv4_2": 1.0}
    assert (recipe.style_weight, recipe.content_weight, recipe.variation_weight) == (1.0, 1.0, 0.15)
