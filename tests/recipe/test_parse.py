"""Text becomes settings, and settings are laid over a preset."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.recipe.base import BaseRecipe, RecipeError
from playground.recipe.model import Change, Recipe
from playground.recipe.parse import parse_recipe, parse_setting, parse_settings, recipe_on_preset, training_on_preset

# ---- JSON -------------------------------------------------------------------------------------------------------------

weights = st.floats(0, 1e30)
layers = st.dictionaries(st.sampled_from(["conv1_1", "conv2_2", "conv3_3", "conv4_2", "conv5_1"]), weights, max_size=5)
recipes = st.fixed_dictionaries(
    {"content_layers": st.just({"conv4_2": 1.0}), "content_weight": st.floats(1e-30, 1e30)},
    optional={
        "size": st.integers(64, 4096),
        "style_size": st.one_of(st.sampled_from(["content", "original"]), st.integers(32, 4096)),
        "seconds": st.one_of(st.none(), st.floats(1e-3, 86_400)),
        "style_layers": layers,
        "style_weight": weights,
        "learning_rate": st.floats(0, 1000, exclude_min=True),
        "preset": st.one_of(st.none(), st.text(max_size=100)),
        "journal": st.lists(
            st.builds(Change, evaluation=st.integers(0, 10**6), key=st.just("style_weight"), value=weights), max_size=3
        ),
    },
)


@given(recipes)
def test_json_brings_back_the_same_recipe(settings: dict[str, Any]) -> None:
    recipe = Recipe.of(settings)
    text = recipe.to_json()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert parse_recipe(text) == recipe
    assert parse_recipe(text.encode()) == recipe
    assert Recipe().changed(parse_settings(text)) == recipe
    assert parse_recipe(text).to_json() == text


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("", "it is not valid JSON"),
        ("{", "it is not valid JSON"),
        ("size=3", "it is not valid JSON"),
        (b"\xff\xfe\x00", "it is not valid JSON"),
        ("[" * 50_000, "it is not valid JSON"),
        ('{"a":[' + "[]," * 300_000 + "1]}", "states over 100,000 values"),
        ("[1]", "a JSON object with settings is expected"),
        ("null", "a JSON object with settings is expected"),
        ('"size"', "a JSON object with settings is expected"),
        ('{"size": 1}', "size: "),
        ('{"size": NaN}', "size: "),
        ('{"style_weight": Infinity}', "style_weight: "),
        ('{"style_weight": 1e999}', "style_weight: "),
        ('{"colour": 1}', "there is no setting called 'colour'"),
        (" " * 1_000_001, "over a million characters"),
    ],
    ids=range(15),
)
def test_text_that_is_no_recipe(text: str | bytes, refused: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text)
    assert refused in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.one_of(st.text(max_size=200), st.binary(max_size=200)))
def test_no_text_breaks_the_reader(text: str | bytes) -> None:
    try:
        recipe = parse_recipe(text)
    except RecipeError:
        return
    assert isinstance(recipe, Recipe)


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("size=128", "size", 128),
        ("style_weight=1e3", "style_weight", 1000.0),
        ("network=vgg16-hed", "network", "vgg16-hed"),
        ('network="vgg16-hed"', "network", "vgg16-hed"),
        ("network=a=b.pth", "network", "a=b.pth"),
        ("style_layers={}", "style_layers", {}),
        ('style_layers={"conv1_1": 2}', "style_layers", {"conv1_1": 2}),
        ("style_layers.conv1_1=0.5", "style_layers.conv1_1", 0.5),
        ("seconds=null", "seconds", None),
        ("clip=false", "clip", False),
        (" size =128", "size", 128),
    ],
)
def test_a_setting_is_json_or_else_text(text: str, key: str, value: Any) -> None:
    assert parse_setting(text) == (key, value)


@pytest.mark.parametrize("text", ["", "size", "=3", " =3"])
def test_a_setting_needs_a_key_and_a_value(text: str) -> None:
    with pytest.raises(RecipeError, match="KEY=VALUE"):
        parse_setting(text)


@pytest.mark.parametrize("make", [recipe_on_preset, training_on_preset])
def test_whose_numbers_they_are_is_not_for_a_person_to_set(make: Callable[..., BaseRecipe]) -> None:
    preset = "gatys-adam" if make is recipe_on_preset else "fast-1"
    with pytest.raises(RecipeError, match="numbers follows from preset and network, and is adapted here: leave it out"):
        make(preset, {"network": "vgg16-hed", "numbers": "source"})
    with pytest.raises(RecipeError, match="measured_against follows from preset and network, and is empty here"):
        make(preset, {"measured_against": "vgg16-caffe"})
    assert make(preset, {"network": "vgg16-hed", "numbers": "adapted"}).numbers == "adapted"  # it is
    whole = make(preset, {"network": "vgg16-hed"})
    with pytest.raises(RecipeError, match="and is adapted here"):
        make(preset, whole.model_dump(), {"numbers": "own"})
    assert make(preset, whole.model_dump()) == whole
