"""What a print is said to cost before it starts."""

from __future__ import annotations

import pytest

from playground import load_preset
from playground.measure.estimate import estimate
from playground.measure.memory import megabytes_of
from playground.networks import arithmetic_choice
from playground.recipe.model import Stage

CONTENT, STYLE = (4000, 3000), (1000, 800)


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(arithmetic_choice.VARIABLE, "direct")


def test_a_print_holds_plain_pixels_and_takes_the_time_of_its_tiles() -> None:
    """6000 px in 4 GB, where the recipe's own canvas and optimiser would take twice that."""
    plan = (Stage(size=384, iterations=100), *(Stage(size=side, iterations=8, tiled=True) for side in (1500, 6000)))
    printed = load_preset("default").changed({"size": 6000, "plan": plan, "iterations": 116})
    as_ever = load_preset("default").changed({"size": 6000})
    assert megabytes_of(printed, CONTENT, STYLE) < 4096 < 8000 < megabytes_of(as_ever, CONTENT, STYLE)
    stages = estimate(printed, CONTENT, STYLE).stages
    assert [stage.size for stage in stages] == [(384, 288), (1500, 1125), (6000, 4500)]
    each = [stage.work.units / stage.size[0] / stage.size[1] for stage in stages]
    assert 2 * each[0] < each[1] == pytest.approx(each[2], rel=0.01)


def test_what_was_painted_before_counts_too() -> None:
    plan = (Stage(size=2048, iterations=9), Stage(size=2100, iterations=1, tiled=True))
    printed = load_preset("default").changed({"size": 2100, "plan": plan, "iterations": 10})
    before = load_preset("default").changed({"size": 2048})
    assert megabytes_of(printed, CONTENT, STYLE) >= megabytes_of(before, CONTENT, STYLE)
    nothing_planned = before.model_copy(update={"plan": ()})
    assert megabytes_of(nothing_planned, CONTENT, STYLE) == megabytes_of(before, CONTENT, STYLE)
