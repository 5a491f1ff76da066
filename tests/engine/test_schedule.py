"""Plan, clock and counting: arithmetic on numbers alone."""

from __future__ import annotations

import pytest

from playground.engine.schedule import Schedule, fraction_done, plan_stages, style_long_side
from playground.recipe.model import Recipe, Stage
from playground.recipe.training import TrainingRecipe


def test_plan_shares_iterations_and_skips_sizes_too_small() -> None:
    stages = plan_stages(Recipe(size=256, scales=3, iterations=20, smallest=64))
    assert [(stage.size, stage.iterations) for stage in stages] == [(64, 6), (128, 6), (256, 8)]
    assert [stage.size for stage in plan_stages(Recipe(size=256, scales=3, iterations=20, smallest=100))] == [128, 256]
    assert [stage.size for stage in plan_stages(Recipe(size=64, scales=3, iterations=20, smallest=128))] == [64]


@pytest.mark.parametrize(("seconds", "stage", "limit"), [(60, 0, 30), (2, 0, 30), (0.5, 0, 7), (2, 1, 8), (2, 2, 9)])
def test_a_short_time_is_spent_where_a_step_is_cheap(seconds: float, stage: int, limit: int) -> None:
    """Thirty iterations each at 64, 128 and 256 px, where one takes 0.01, 0.04 and 0.16 s: 6.3 s in all.

    Equal shares of 2 s would be nine iterations of each, 0.09 s at the smallest size.
    """
    schedule = Schedule(Recipe(size=256, smallest=48, scales=3, iterations=90, seconds=seconds), 4 / 3)
    assert [planned.size for planned in schedule.stages] == [64, 128, 256]
    schedule.stage = stage
    schedule.enter((0.0, 0.3, 0.5)[stage])
    schedule.stage_evaluations = 2
    schedule.fit_clock(schedule.stage_began + 2 * 0.01 * 4**stage)
    assert schedule.stage_limit == limit


def test_rounds_are_counted_and_a_size_ends_after_its_iterations() -> None:
    schedule = Schedule(
        Recipe(size=128, scales=2, smallest=48, iterations=5, optimizer="lbfgs", lbfgs_evaluations=3), 1
    )
    assert [schedule.evaluated() for _ in range(6)] == [False, False, True, False, False, True]
    assert (schedule.step, schedule.steps, schedule.stage_is_over(), schedule.at_last_size) == (2, 5, True, False)
    schedule.leave()
    schedule.enter(1.0)
    assert (schedule.size, schedule.step, schedule.evaluations, schedule.stage_is_over()) == (128, 2, 6, False)
    assert schedule.finished == [Stage(size=64, iterations=2, evaluations=6)]


def test_a_new_number_of_iterations_is_shared_out_over_what_is_left() -> None:
    schedule = Schedule(Recipe(size=256, scales=3, smallest=48, iterations=9), 1)
    for _ in range(3):
        schedule.evaluated()
    schedule.leave()
    schedule.enter(0.0)
    schedule.recipe = schedule.recipe.changed({"iterations": 14})
    schedule.replan()
    assert [(stage.size, stage.iterations) for stage in schedule.stages] == [(64, 3), (128, 5), (256, 6)]


def test_work_done_counts_pixels() -> None:
    recipe = Recipe(size=128, scales=2, smallest=48, iterations=4)
    assert [fraction_done(recipe, evaluations) for evaluations in (0, 2, 3, 4)] == pytest.approx([0, 0.2, 0.6, 1])


def test_no_clock_cuts_a_recorded_plan_short() -> None:
    plan = [Stage(size=64, iterations=30, evaluations=30)]
    schedule = Schedule(Recipe(size=64, iterations=30, plan=tuple(plan), seconds=0.1), 1)
    schedule.stage_evaluations = 10
    schedule.fit_clock(5.0)
    assert schedule.stage_limit == 30


@pytest.mark.parametrize(
    ("style_size", "wanted", "in_training"), [("content", 64, 64), ("original", 200, 400), (128, 64, 128)]
)
def test_the_style_image_grows_with_the_size(style_size: object, wanted: int, in_training: int) -> None:
    recipe = Recipe(size=128, style_size=style_size)
    assert style_long_side(recipe, (400, 300), 64) == wanted
    assert style_long_side(recipe, (400, 20), 64) == 400  # a strip keeps a short side of 20 px
    training = TrainingRecipe(image_size=64, style_size=style_size)
    assert style_long_side(training, (400, 300), 64) == in_training
    assert style_long_side(training, (800, 20), 64) == 800
