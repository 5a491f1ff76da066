"""Limits: what is beyond one is refused in words that name the setting and the most that is allowed."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from pydantic import ValidationError

from playground.errors import PlaygroundError
from playground.recipe.model import Change, Recipe, Stage
from playground.recipe.picture_limits import KEPT_PIXELS
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


def test_of_a_picture_a_run_keeps_what_it_may_use_and_no_more() -> None:
    kept = {name: limits.kept_pixels for name, limits in PROFILES.items()}
    assert kept == {"laptop": KEPT_PIXELS, "classroom": 2048 * 2048, "space": 3072 * 3072}
    assert Limits(max_size=64).kept_pixels == 4_000_000, "whatever a server paints, samples stay as they are"


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", [name for name, preset in presets().items() if preset.kind == "stylize"])
def test_every_preset_fits_into_every_profile_and_what_changes_is_said(name: str, profile: str) -> None:
    limits, preset = PROFILES[profile], load_preset(name)
    fitted, said = limits.fitted(preset)
    limits.check(fitted)
    changed = {key for key in Recipe.model_fields if getattr(fitted, key) != getattr(preset, key)}
    assert changed <= limits.most().keys()
    assert bool(said) == bool(changed)
    for key in changed:
        assert f"{limits.most()[key]:g}" in said
    if profile == "laptop":
        assert not said


def test_the_limits_that_a_preset_exceeds_are_said_in_one_line() -> None:
    _, said = PROFILES["classroom"].fitted(load_preset("tf-adam-tv"))
    assert said == "This server's limits apply: number of iterations is 500 instead of 50\u202f000"
    fitted, said = PROFILES["classroom"].fitted(load_preset("hrnet-photorealistic"))
    assert said == (
        "This server's limits apply: size is 512 px instead of 1\u202f024, style scale is 512 px instead of 1\u202f280"
    )
    assert fitted.style_size == 512


def test_what_a_person_has_asked_for_is_not_fitted_but_refused() -> None:
    limits, asked = PROFILES["classroom"], {"size": 2048}
    fitted, said = limits.fitted(load_preset("tf-adam-tv").changed(asked), asked)
    assert (fitted.size, fitted.iterations) == (2048, 500)
    assert "size" not in said
    with pytest.raises(PlaygroundError, match="The size is 2048 px"):
        limits.check(fitted)


def test_recorded_sizes_and_changes_beyond_the_limits_are_left_out() -> None:
    limits, ok = PROFILES["classroom"], Change(evaluation=2, key="style_weight", value=3.0)
    recipe = Recipe(
        size=256,
        plan=[Stage(size=1024, iterations=3)],
        journal=[ok, Change(evaluation=3, key="style_size", value="900")],
    )
    fitted, said = limits.fitted(recipe)
    limits.check(fitted)
    assert (fitted.plan, fitted.journal) == (None, (ok,))
    assert "recorded" in said
    with pytest.raises(PlaygroundError, match="The style scale is 900 px"):
        limits.check(recipe.changed({"plan": None}))
    assert limits.fitted(Recipe(plan=[Stage(size=64, iterations=400)] * 2))[0].plan is None


def test_every_profile_has_room_for_a_training() -> None:
    for limits in PROFILES.values():
        limits.check(load_training_preset())


def test_the_check_reads_each_change_of_a_journal_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time grew with the square of a journal's entries: 5000 took 7.5 seconds."""
    recipe = Recipe(journal=[Change(evaluation=n, key="iterations", value=100 + n % 2) for n in range(500)])
    calls = [0]

    def count(frame: object, event: str, argument: object) -> None:
        calls[0] += event == "call"

    sys.setprofile(count)
    try:
        PROFILES["classroom"].check(recipe)
    finally:
        sys.setprofile(None)
    assert calls[0] < 20 * 500


@pytest.mark.parametrize("wrong", [{"max_runs": 0}, {"max_seconds": float("inf")}, {"seats": 3}, {"memory_mb": -1}])
def test_senseless_limits_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Limits(**wrong)


@pytest.mark.parametrize(
    "name", [name for name, field in Limits.model_fields.items() if "float" in str(field.annotation)]
)
def test_what_no_clock_and_no_disk_can_reckon_with_is_refused(name: str) -> None:
    if name != "teacher_weight":  # which has a bound of its own
        Limits.model_validate({name: 1e9})
    with pytest.raises(ValueError, match="less than or equal to"):
        Limits.model_validate({name: 1e308})
