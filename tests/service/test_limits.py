"""Limits: what is beyond one is refused in words that name the setting and the most that is allowed."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from playground.errors import PlaygroundError
from playground.recipe.model import Change, Recipe, Stage
from playground.recipe.presets import load_preset, load_training_preset, presets
from playground.service.limits import PROFILES, Limits


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"size": 768}, "The size is 768 px, and this server allows 512 at most"),
        ({"plan": [Stage(size=600, iterations=1), Stage(size=256, iterations=1)], "size": 256}, "The size is 600 px"),
        ({"iterations": 501}, "The number of iterations is 501, and this server allows 500 at most"),
        ({"plan": [Stage(size=256, iterations=1000)], "size": 256}, "The number of iterations is 1000"),
        ({"seconds": 901.5}, "The time budget is 901.5 seconds, and this server allows 900 at most"),
        ({"style_size": 1024}, "The style scale is 1024 px"),
        ({"journal": [Change(evaluation=3, key="style_size", value=4096)]}, "The style scale is 4096 px"),
        ({"journal": [Change(evaluation=3, key="iterations", value=9999)]}, "The number of iterations is 9999"),
    ],
)
def test_a_run_beyond_a_limit_is_refused_in_words(settings: dict[str, Any], sentence: str) -> None:
    recipe = Recipe(**settings)
    with pytest.raises(PlaygroundError, match=sentence):
        PROFILES["classroom"].check(recipe)
    Limits().check(recipe)


def test_a_run_at_the_limit_is_welcome() -> None:
    limits = PROFILES["classroom"]
    limits.check(Recipe(size=limits.max_size, iterations=limits.max_iterations, seconds=limits.max_seconds))


def test_a_training_has_limits_of_its_own() -> None:
    limits, training = PROFILES["classroom"], load_training_preset()
    limits.check(training.changed({"seconds": 7200, "image_size": 512}))
    with pytest.raises(PlaygroundError, match="The time budget is 7201 seconds, and this server allows 7200"):
        limits.check(training.changed({"seconds": 7201}))
    with pytest.raises(PlaygroundError, match="The crop size is 513 px"):
        limits.check(training.changed({"image_size": 513}))


def test_every_preset_of_the_page_fits_a_laptop_and_the_default_one_every_profile() -> None:
    for name, preset in presets().items():
        if preset.kind == "stylize":
            Limits().check(load_preset(name))
    for limits in PROFILES.values():
        limits.check(load_preset("default"))
        limits.check(load_training_preset())


@pytest.mark.parametrize("wrong", [{"max_runs": 0}, {"max_seconds": float("inf")}, {"seats": 3}, {"memory_mb": -1}])
def test_senseless_limits_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Limits(**wrong)
