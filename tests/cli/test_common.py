"""What the commands share: the recipe that options add up to, signals, and the sentence about memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from playground import load_preset
from playground.cli.common import chosen_recipe, explained_lack_of_memory
from playground.errors import PlaygroundError
from playground.recipe.base import RecipeError
from playground.recipe.model import Recipe


def test_too_little_memory_is_one_sentence() -> None:
    with pytest.raises(PlaygroundError, match="too little free memory"), explained_lack_of_memory():
        torch.empty(2**55)
    with pytest.raises(RuntimeError, match="illegal memory access"), explained_lack_of_memory():
        raise RuntimeError("CUDA error: an illegal memory access was encountered")


def chosen(
    preset: str | None = None, recipe: Path | None = None, settings: list[str] | None = None, **named: Any
) -> Recipe:
    return chosen_recipe(preset, recipe, settings or [], named)


def test_without_options_it_is_the_default_preset() -> None:
    assert chosen() == load_preset("default")
    assert chosen(size=None, seed=None) == load_preset("default")


def test_named_options_over_set_over_recipe_over_preset(tmp_path: Path) -> None:
    file = tmp_path / "recipe.json"
    file.write_text('{"style_weight": 3, "seed": 3, "iterations": 30, "learning_rate": 0.3}')
    recipe = chosen("gatys-adam", file, ["seed=4", "iterations=40", "style_weight=4"], iterations=50)
    source = load_preset("gatys-adam")
    assert recipe == source.changed({"learning_rate": 0.3, "seed": 4, "style_weight": 4, "iterations": 50})
    assert recipe.network == source.network
    assert recipe.style_layers == source.style_layers


def test_a_partial_recipe_without_a_preset_lies_over_the_default_or_the_one_it_names(tmp_path: Path) -> None:
    file = tmp_path / "recipe.json"
    file.write_text('{"style_weight": 3}')
    assert chosen(recipe=file) == load_preset().changed({"style_weight": 3})
    file.write_text('\ufeff{"style_weight": 3, "preset": "tf-adam-tv"}', encoding="utf-8")
    assert chosen(recipe=file) == load_preset("tf-adam-tv").changed({"style_weight": 3})
    assert chosen(settings=["preset=tf-adam-tv"]) == load_preset("tf-adam-tv")


def test_a_complete_recipe_replaces_everything(tmp_path: Path) -> None:
    file = tmp_path / "recipe.json"
    complete = Recipe.of({"size": 100, "style_layers": {"conv2_2": 2.0}, "preset": "a preset of long ago", "seed": 9})
    file.write_text(complete.to_json())
    assert chosen(recipe=file) == complete
    assert chosen("gatys-adam", file) == complete
    with pytest.raises(RecipeError, match="no stylize preset called 'oil'"):
        chosen("oil", file)


@pytest.mark.parametrize("by", ["--set", "--recipe"])
def test_a_network_brings_the_presets_adapted_numbers_beneath(by: str, tmp_path: Path) -> None:
    file = tmp_path / "recipe.json"
    file.write_text('{"network": "vgg16-hed"}')
    recipe = (
        chosen("gatys-adam", settings=["network=vgg16-hed", "seed=1"])
        if by == "--set"
        else chosen("gatys-adam", file, ["seed=1"])
    )
    assert recipe == load_preset("gatys-adam", network="vgg16-hed").changed({"seed": 1})
    assert recipe.numbers == "adapted"
    # A number that is stated wins over the adapted one.
    assert chosen("gatys-adam", settings=["style_weight=7", "network=vgg16-hed"]).style_weight == 7


def test_set_wins_over_the_network_of_the_recipe(tmp_path: Path) -> None:
    file = tmp_path / "recipe.json"
    file.write_text('{"network": "vgg16-hed"}')
    recipe = chosen(recipe=file, settings=["style_layers.conv3_4=1", "network=vgg19-imagenet"])
    assert recipe.network == "vgg19-imagenet"
    assert recipe.style_layers["conv3_4"] == 1
    file.write_text('{"network": "vgg16-hed", "style_layers": {"conv3_4": 1}}')  # of a layer that vgg16 lacks
    assert chosen(recipe=file, settings=["network=vgg19-imagenet"]).style_layers == {"conv3_4": 1}


def test_dotted_keys_merge_and_later_ones_win() -> None:
    layers = load_preset().style_layers
    assert chosen(settings=["style_layers.conv1_1=0.5"]).style_layers == {**layers, "conv1_1": 0.5}
    assert chosen(settings=["style_layers.conv1_1=5", "style_layers={}"]).style_layers == {}
    settings = ["style_layers.conv2_2=1", "style_layers={}", "style_layers.conv2_2=3"]
    assert chosen(settings=settings).style_layers == {"conv2_2": 3}
    assert chosen(settings=["seed=1", "seed=2"]).seed == 2


def test_a_changed_size_drops_the_recorded_plan_and_a_seed_keeps_it(tmp_path: Path) -> None:
    file = tmp_path / "recipe.json"
    recorded = Recipe.of({"plan": [{"size": 64, "iterations": 2, "evaluations": 2}], "size": 64})
    file.write_text(recorded.to_json())
    assert chosen(recipe=file).plan == recorded.plan
    assert chosen(recipe=file, seed=3).plan == recorded.plan
    assert chosen(recipe=file, size=128).plan is None
    assert chosen(recipe=file, settings=["iterations=9"]).plan is None
