"""Every setting's bounds, spellings and sentences, merging, JSON, presets."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.recipe.model import (
    DEFAULT_NETWORK,
    PLAN_SETTINGS,
    Change,
    Recipe,
    RecipeError,
    Stage,
    bounds,
    field_info,
    live_settings,
    validated,
)
from playground.recipe.parse import parse_recipe, parse_setting, parse_settings
from playground.recipe.presets import PRESET_FOLDER, find_preset, load_preset, presets

SETTINGS = [name for name in Recipe.model_fields if field_info(name)]
NUMBERS = [
    name for name in SETTINGS if isinstance(getattr(Recipe(), name), (int, float)) and bounds(name) != (None, None)
]
WEIGHTS = ["content_weight", "style_weight", "variation_weight"]
LAYERS = ["content_layers", "style_layers"]
PRESETS = [name for name, preset in presets().items() if preset.kind == "stylize"]


def refusal(settings: dict[str, Any]) -> str:
    """What a person is told about settings that cannot be used: one short line."""
    with pytest.raises(RecipeError) as caught:
        validated(settings)
    text = str(caught.value)
    assert text == text.strip()
    assert "\n" not in text
    assert "pydantic" not in text
    assert "function-" not in text
    assert "literal[" not in text
    return text


# ---- bounds ---------------------------------------------------------------------------------------------------------


def test_the_tables_of_this_file_are_not_empty() -> None:
    assert {"size", "iterations", "seed", "learning_rate", "noise_scale", "beta1"} <= set(NUMBERS)
    assert {"default", "gatys-adam", "vgg16-lbfgs", "tf-adam-tv"} <= set(PRESETS)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_can_be_drawn_as_a_control(name: str) -> None:
    field, info = Recipe.model_fields[name], field_info(name)
    assert field.title
    assert field.description
    assert field.description.endswith(".")
    assert info["group"]
    assert isinstance(info["live"], bool)
    assert validated({name: getattr(Recipe(), name)}) == Recipe()


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
    recipe = validated({name: value})
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
        ({"size": 4097}, "less than or equal to 4096"),
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
        ({"zzz": 2}, "there is no setting called 'zzz'; the settings are size, "),
        ({"plan": [{"size": 4, "iterations": 1}]}, "plan.size"),
        ({"plan": [{"size": 64, "iterations": 1, "colour": 1}]}, "plan.colour"),
        ({"plan": [{"size": 64, "iterations": 1}] * 17}, "at most 16"),
        ({"journal": [{"evaluation": 0, "key": "size", "value": 64}]}, "cannot change while a run is going on"),
        ({"journal": [{"evaluation": 0, "key": "colour", "value": 64}]}, "cannot change while a run is going on"),
        ({"journal": [{"evaluation": 0, "key": "style_weight", "value": -1}]}, "a value that cannot be used"),
        ({"journal": [{"evaluation": 0, "key": "style_weight", "value": math.nan}]}, "a value that cannot be used"),
        ({"journal": [{"evaluation": 0, "key": "style_layers", "value": {"conv1_1": math.inf}}]}, "cannot be used"),
        ({"journal": [{"evaluation": -1, "key": "style_weight", "value": 1}]}, "journal.evaluation"),
        ({"numbers": "stolen"}, "'own', 'source' or 'adapted'"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_sentence(settings: dict[str, Any], text: str) -> None:
    assert text in refusal(settings)


def test_a_long_value_is_not_repeated_in_full() -> None:
    assert len(refusal({"pool": "x" * 10_000})) < 200


def test_a_network_of_four_convolutions_a_block_has_more_layers() -> None:
    for network in ("vgg19-imagenet", "my-own.pth"):
        recipe = validated({"network": network, "style_layers": {"conv3_4": 1, "conv5_4": 1}})
        assert recipe.active_layers("style") == {"conv3_4": 1, "conv5_4": 1}
    refusal({"network": "vgg19-imagenet", "style_layers": {"conv2_3": 1}})


def test_layers_pull_where_neither_their_weight_nor_their_terms_is_zero() -> None:
    recipe = validated({"style_layers": {"conv1_1": 0, "conv2_1": 2}, "content_weight": 0})
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
    assert getattr(validated({name: written}), name) == meant


def test_a_recipe_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Recipe().size = 128  # type: ignore[misc]


# ---- merging --------------------------------------------------------------------------------------------------------


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


PLAN = (Stage(size=64, iterations=3, evaluations=3), Stage(size=128, iterations=4))
JOURNAL = (
    Change(evaluation=2, key="style_weight", value=5.0),
    Change(evaluation=3, key="style_layers", value={"conv1_1": 2.0}),
)


@pytest.mark.parametrize("name", sorted(PLAN_SETTINGS))
def test_a_recorded_plan_ends_with_the_settings_it_was_made_for(name: str) -> None:
    recipe = validated({"plan": PLAN})
    values = {"scales": 3, "scale_factor": 3, "seconds": 5, "optimizer": "lbfgs", "canvas": "pyramid"}
    assert recipe.changed({name: values.get(name, 100)}).plan is None
    assert recipe.changed({"seed": 7}).plan == PLAN


def test_a_changed_setting_is_no_longer_replayed_from_the_journal() -> None:
    recipe = validated({"journal": JOURNAL})
    assert recipe.changed({"style_weight": 3}).journal == JOURNAL[1:]
    assert recipe.changed({"style_layers.conv1_1": 3}).journal == JOURNAL[:1]
    assert recipe.changed({"seed": 3}).journal == JOURNAL


# ---- JSON -----------------------------------------------------------------------------------------------------------

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
    recipe = validated(settings)
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
        ("[" * 100_000, "it is not valid JSON"),
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
    ids=range(14),
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


# ---- presets --------------------------------------------------------------------------------------------------------


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
        assert getattr(recipe, key) == getattr(validated({**preset.recipe, "network": preset.network}), key), key
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


def test_another_network_takes_the_adapted_numbers_and_the_own_one_the_sources() -> None:
    adapted = load_preset("gatys-adam", network=DEFAULT_NETWORK)
    other = load_preset("gatys-adam", network="some.pth")
    assert (other.network, other.numbers) == ("some.pth", "adapted")
    assert other.style_weight == adapted.style_weight != load_preset("gatys-adam").style_weight
    own = load_preset("gatys-adam", network=find_preset("gatys-adam").network)
    assert own == load_preset("gatys-adam")


def test_the_three_pixel_recipes_carry_their_sources_numbers() -> None:
    gatys, lbfgs, variation = (load_preset(name) for name in ("gatys-adam", "vgg16-lbfgs", "tf-adam-tv"))
    assert gatys.network == variation.network == "vgg19-imagenet"
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


def test_live_settings_are_those_that_leave_the_canvas_as_it_is() -> None:
    assert {"style_weight", "style_layers", "learning_rate", "iterations", "pool"} <= live_settings()
    assert not live_settings() & {"size", "network", "canvas", "init", "seed", "optimizer", "plan", "journal", "preset"}
