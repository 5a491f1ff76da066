"""Every setting's bounds, spellings and sentences, and how changes are merged."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.recipe.base import RecipeError
from playground.recipe.live_settings import live_settings
from playground.recipe.model import PLAN_SETTINGS, Change, Recipe, Stage, bounds, field_info
from playground.recipe.parse import parse_recipe

SETTINGS = [name for name in Recipe.model_fields if field_info(name)]
NUMBERS = [
    name for name in SETTINGS if isinstance(getattr(Recipe(), name), (int, float)) and bounds(name) != (None, None)
]
WEIGHTS = ["content_weight", "style_weight", "variation_weight"]
LAYERS = ["content_layers", "style_layers"]


def refusal(settings: dict[str, Any]) -> str:
    """What a person is told about settings that cannot be used: one short line."""
    with pytest.raises(RecipeError) as caught:
        Recipe.of(settings)
    text = str(caught.value)
    assert text == text.strip()
    assert "\n" not in text
    assert "pydantic" not in text
    assert "function-" not in text
    assert "literal[" not in text
    return text


# ---- bounds -----------------------------------------------------------------------------------------------------------


def test_the_tables_of_this_file_are_not_empty() -> None:
    assert {"size", "iterations", "seed", "learning_rate", "noise_scale", "beta1"} <= set(NUMBERS)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_can_be_drawn_as_a_control(name: str) -> None:
    field, info = Recipe.model_fields[name], field_info(name)
    assert field.title
    assert field.description
    assert field.description.endswith(".")
    assert info["group"]
    assert isinstance(info["live"], bool)
    assert Recipe.of({name: getattr(Recipe(), name)}) == Recipe()


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_keeps_to_its_bounds(name: str) -> None:
    low, high = bounds(name)
    assert low is not None
    assert high is not None
    for outside in (low - 1, high * 1.01 + 1, low - 1e6, high * 1e6 + 1):
        assert refusal({name: outside}).startswith(f"{name}: ")


@given(st.data(), st.sampled_from(NUMBERS))
def test_every_number_within_its_bounds_is_kept(data: st.DataObject, name: str) -> None:
    low, high = bounds(name)
    assert low is not None
    assert high is not None
    if isinstance(getattr(Recipe(), name), int):
        value: float = data.draw(st.integers(int(low), int(high)))
    else:  # neither end, which some fields exclude
        value = data.draw(st.floats(low, high, exclude_min=True, exclude_max=True))
    recipe = Recipe.of({name: value})
    assert getattr(recipe, name) == value
    assert getattr(parse_recipe(recipe.to_json()), name) == value


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "NaN", "-Infinity", "1e999"])
@pytest.mark.parametrize("name", [*NUMBERS, *WEIGHTS, "seconds", "style_size"])
def test_what_is_no_finite_number_is_refused(name: str, value: float | str) -> None:
    assert refusal({name: value}).startswith(f"{name}: ")


@pytest.mark.parametrize("value", [math.nan, math.inf, -1, -1e-300, "much", None, [1]])
@pytest.mark.parametrize("name", LAYERS)
def test_the_weight_of_a_layer_is_a_finite_number_from_zero(name: str, value: Any) -> None:
    assert refusal({name: {"conv1_1": value}}).startswith(f"{name}.conv1_1: ")


@pytest.mark.parametrize("name", [*WEIGHTS, "size", "iterations", "seed", "learning_rate", "seconds", "epsilon"])
def test_negative_numbers_are_refused(name: str) -> None:
    assert refusal({name: -1}).startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"size": 63}, "greater than or equal to 64"),
        ({"size": 16_385}, "less than or equal to 16384"),
        ({"size": 100.5}, "integer"),
        ({"size": "large"}, "integer"),
        ({"size": None}, "integer"),
        ({"iterations": 0}, "greater than or equal to 1"),
        ({"seconds": 0}, "greater than 0"),
        ({"learning_rate": 0}, "greater than 0"),
        ({"seed": 2**32}, "less than or equal to 4294967295"),
        ({"seed": 10**400}, "less than or equal to 4294967295"),
        ({"style_size": 31}, "'content' or 'original', or greater than or equal to 32"),
        ({"style_size": "huge"}, "'content' or 'original', or a valid integer"),
        ({"pool": "sum"}, "'max' or 'average'"),
        ({"optimizer": "sgd"}, "'adam' or 'lbfgs'"),
        ({"init": "black"}, "'content', 'noise', 'grey', 'style' or 'mix'"),
        ({"canvas": "oil"}, "'pixels'"),
        ({"clip": "perhaps"}, "boolean"),
        ({"network": ""}, "at least 1 character"),
        ({"network": 16}, "string"),
        ({"content_layers": ["conv4_2"]}, "dictionary"),
        ({"style_layers": {"conv6_1": 1}}, "has no layer called 'conv6_1'"),
        ({"style_layers": {"conv2_3": 1}}, "has no layer called 'conv2_3'"),
        ({"style_layers": {"conv3_4": 1}}, "vgg16-hed has no layer called 'conv3_4'"),
        ({"style_layers": {"relu1_1": 1}}, "has no layer called 'relu1_1'"),
        ({"content_weight": 0, "style_weight": 0}, "no layer carries content or style"),
        ({"content_layers": {}, "style_layers": {}, "variation_weight": 1}, "no layer carries content or style"),
        ({"content_layers": {"conv4_2": 0}, "style_weight": 0}, "no layer carries content or style"),
        ({"style_wieght": 2}, "there is no setting called 'style_wieght'; did you mean 'style_weight'?"),
        ({"features": "layers"}, "the nearest are neighbours_features, "),
        ({"zzz": 2}, "there is no setting called 'zzz'; the nearest are "),
        ({"plan": [{"size": 4, "iterations": 1}]}, "plan.size"),
        ({"plan": [{"size": 64, "iterations": 1, "colour": 1}]}, "plan.colour"),
        ({"plan": [{"size": 64, "iterations": 1}] * 17}, "at most 16"),
        ({"journal": [{"evaluation": 0, "key": "size", "value": 64}]}, "cannot change while a run is going on"),
        ({"journal": [{"evaluation": 0, "key": "colour", "value": 64}]}, "cannot change while a run is going on"),
        ({"journal": [{"evaluation": 0, "key": "style_weight", "value": -1}]}, "a value that cannot be used"),
        ({"journal": [{"evaluation": 0, "key": "style_weight", "value": math.nan}]}, "a value that cannot be used"),
        ({"journal": [{"evaluation": 0, "key": "style_layers", "value": {"conv1_1": math.inf}}]}, "cannot be used"),
        ({"journal": [{"evaluation": -1, "key": "style_weight", "value": 1}]}, "journal.evaluation"),
        ({"numbers": "stolen"}, "'own', 'source', 'adapted' or 'converted'"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_sentence(settings: dict[str, Any], text: str) -> None:
    assert text in refusal(settings)


def test_a_long_value_is_not_repeated_in_full() -> None:
    assert len(refusal({"pool": "x" * 10_000})) < 200


def test_a_network_of_four_convolutions_a_block_has_more_layers() -> None:
    for network in ("vgg19-imagenet", "my-own.pth"):
        recipe = Recipe.of({"network": network, "style_layers": {"conv3_4": 1, "conv5_4": 1}})
        assert recipe.active_layers("style") == {"conv3_4": 1, "conv5_4": 1}
    refusal({"network": "vgg19-imagenet", "style_layers": {"conv2_3": 1}})


def test_layers_pull_where_neither_their_weight_nor_their_terms_is_zero() -> None:
    recipe = Recipe.of({"style_layers": {"conv1_1": 0, "conv2_1": 2}, "content_weight": 0})
    assert recipe.active_layers("style") == {"conv2_1": 2}
    assert recipe.active_layers("content") == {}


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        ("pool", "avg", "average"),
        ("pool", "mean", "average"),
        ("init", "gray", "grey"),
        ("optimizer", "l-bfgs", "lbfgs"),
        ("optimizer", "LBFGS", "lbfgs"),
        ("optimizer", "Adam", "adam"),
        ("padding", "zero", "zeros"),
        ("canvas", "pixel", "pixels"),
        ("style_size", "same", "content"),
        ("style_size", "300", 300),
        ("size", "300", 300),
        ("clip", "no", False),
    ],
)
def test_other_spellings(name: str, written: str, meant: Any) -> None:
    assert getattr(Recipe.of({name: written}), name) == meant


def test_a_recipe_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Recipe().size = 128  # type: ignore[misc]


# ---- merging ----------------------------------------------------------------------------------------------------------


def test_a_plain_key_replaces_and_a_dotted_key_merges() -> None:
    recipe = Recipe().changed({"style_layers": {"conv1_1": 1, "conv2_1": 2}})
    assert recipe.style_layers == {"conv1_1": 1, "conv2_1": 2}
    recipe = recipe.changed({"style_layers.conv2_1": 0.5, "style_layers.conv3_1": 3})
    assert recipe.style_layers == {"conv1_1": 1, "conv2_1": 0.5, "conv3_1": 3}
    assert recipe.changed({"style_layers": {}, "style_layers.conv5_1": 1}).style_layers == {"conv5_1": 1}
    assert recipe.changed({"style_layers": {}}).style_layers == {}


def test_a_change_leaves_the_recipe_it_starts_from_alone() -> None:
    recipe = Recipe()
    before = recipe.to_json()
    recipe.changed({"style_layers.conv1_1": 7, "size": 100})
    assert recipe.to_json() == before
    assert Recipe().style_layers["conv1_1"] == 1


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"style_wieght": 1}, "did you mean 'style_weight'?"),
        ({"style_wieght.conv1_1": 1}, "did you mean 'style_weight'?"),
        ({"size.width": 1}, "'size' is a single value"),
        ({"style_layers.conv1_1": -1}, "style_layers.conv1_1: "),
        ({"style_layers.conv9_9": 1}, "has no layer called 'conv9_9'"),
        ({"style_layers": 1}, "dictionary"),
        ({"content_weight": 0, "style_weight": 0}, "no layer carries"),
        ({"": 1}, "there is no setting called ''"),
    ],
)
def test_a_change_that_cannot_be_used_is_refused(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(RecipeError) as caught:
        Recipe().changed(changes)
    assert text in str(caught.value)


def test_a_name_without_end_is_not_repeated_whole() -> None:
    with pytest.raises(RecipeError) as caught:
        Recipe.of({"neig" * 100 + "neighbours_weight": 0.0})
    assert len(str(caught.value)) < 250
    assert "neigneig" in str(caught.value)


PLAN = (Stage(size=64, iterations=3, evaluations=3), Stage(size=128, iterations=4))
JOURNAL = (
    Change(evaluation=2, key="style_weight", value=5.0),
    Change(evaluation=3, key="style_layers", value={"conv1_1": 2.0}),
)


@pytest.mark.parametrize("name", sorted(PLAN_SETTINGS))
def test_a_recorded_plan_ends_with_the_settings_it_was_made_for(name: str) -> None:
    recipe = Recipe.of({"plan": PLAN})
    values = {"scales": 3, "scale_factor": 3, "seconds": 5, "optimizer": "lbfgs", "canvas": "pyramid"}
    assert recipe.changed({name: values.get(name, 100)}).plan is None
    assert recipe.changed({"seed": 7}).plan == PLAN


def test_a_changed_setting_is_no_longer_replayed_from_the_journal() -> None:
    recipe = Recipe.of({"journal": JOURNAL})
    assert recipe.changed({"style_weight": 3}).journal == JOURNAL[1:]
    assert recipe.changed({"style_layers.conv1_1": 3}).journal == JOURNAL[:1]
    assert recipe.changed({"seed": 3}).journal == JOURNAL


def test_live_settings_are_those_that_leave_the_canvas_as_it_is() -> None:
    assert {"style_weight", "style_layers", "learning_rate", "iterations", "pool"} <= live_settings(Recipe)
    assert not live_settings(Recipe) & {
        "size",
        "network",
        "canvas",
        "init",
        "seed",
        "optimizer",
        "plan",
        "journal",
        "preset",
    }
