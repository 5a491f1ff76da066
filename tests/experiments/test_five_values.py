"""Five values beside a setting: usable every one, different, and around what the recipe has."""

from __future__ import annotations

import pytest

from playground.experiments.experiment import Axis, in_words, on_axes, parse_axis
from playground.experiments.five_values import COUNT, five_values
from playground.experiments.lessons import base_recipe
from playground.recipe.chance import seed_counts
from playground.recipe.model import Recipe
from playground.recipe.presets import load_preset
from playground.web.components.controls import VARIED
from playground.web.lab.grid import five, written

RECIPES = {"lesson": base_recipe(), "default": load_preset("default"), "adam": load_preset("gatys-adam")}


@pytest.mark.parametrize("preset", RECIPES)
@pytest.mark.parametrize("name", VARIED)
def test_every_setting_has_values_that_make_a_grid(preset: str, name: str) -> None:
    recipe = RECIPES[preset]
    values = five_values(recipe, name)
    assert 1 <= len(values) <= COUNT
    assert len({in_words(value) for value in values}) == len(values)
    experiment = on_axes(recipe, [Axis(name, tuple(values))])
    assert [getattr(cell.recipe, name) for cell in experiment.cells] == values
    assert parse_axis(f"{name}={written(values)}") == Axis(name, tuple(values))  # as a person would type them


def test_a_weight_goes_over_two_decades_around_what_it_is() -> None:
    assert five_values(Recipe(style_weight=2.0), "style_weight") == [0.2, 0.63, 2.0, 6.3, 20.0]
    assert five_values(Recipe(variation_weight=0.0), "variation_weight") == [0.1, 0.32, 1.0, 3.2, 10.0]
    assert five_values(Recipe(init_mix=0.3), "init_mix") == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert five_values(Recipe(scales=1), "scales") == [1, 2, 3, 4, 5]
    assert five_values(Recipe(init="grey"), "init") == ["grey", "content", "noise", "style", "mix"]
    assert five_values(Recipe(clip=True), "clip") == [True, False]


@pytest.mark.parametrize(
    ("settings", "counts"),
    [
        ({}, False),
        ({"init": "grey"}, False),
        ({"init": "style"}, False),
        ({"init": "noise"}, True),
        ({"init": "noise", "noise_scale": 0.0}, False),
        ({"init": "mix"}, True),
        ({"init": "mix", "init_mix": 1.0}, False),
        ({"canvas": "hrnet"}, True),
        ({"neighbours_weight": 1.0}, True),
    ],
)
def test_a_seed_counts_only_where_something_is_left_to_chance(settings: dict[str, object], counts: bool) -> None:
    assert seed_counts(Recipe.of(settings)) is counts


def test_the_page_asks_only_for_settings_that_may_be_varied() -> None:
    assert five(Recipe(style_weight=2.0), "style_weight") == ("style_weight", "0.2, 0.63, 2, 6.3, 20")
    assert five(Recipe(), "init") == ("init", "content, noise, grey, style, mix")
    for name in ("network", "journal", "nothing", None, ["init"], 3):
        assert five(Recipe(), name) is None
