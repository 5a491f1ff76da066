"""How long a run will still take: corrected by what is seen, and without jumps."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import combinations, pairwise

import pytest
from PIL import Image

from playground.engine.control import MemoryControl
from playground.engine.frames import Frame
from playground.images.pictures import Pictures
from playground.recipe.model import Recipe
from playground.service.job import Job
from playground.web.components import forecast

RECIPE = Recipe(size=384, scales=3, scale_factor=2, smallest=48, iterations=150)
PICTURE = Image.new("RGB", (640, 480), "teal")
REAL = {96: 0.03, 192: 0.09, 384: 0.62}  # seconds of an evaluation; far from the pixels' proportion


def told(job: Job, off: float, noise: float, steps: int = 150, middle: float = 1.0) -> list[tuple[float, float | None]]:
    """A run's seconds and what is forecast at each evaluation, on a machine `off` times slower than estimated.

    At the size in the middle it is as many times slower again.
    """
    job.expect("cpu")
    assert job.cost is not None
    slow = {size: off * (middle if size == 192 else 1.0) for size in REAL}
    stages = [
        replace(stage, seconds=stage.evaluations * REAL[stage.size[0]] / slow[stage.size[0]])
        for stage in job.cost.stages
    ]
    job.cost = replace(job.cost, stages=tuple(stages))
    chance, seconds, found = random.Random(0), 0.0, []
    for evaluation in range(1, 151):
        size = (96, 72) if evaluation <= 50 else (192, 144) if evaluation <= 100 else (384, 288)
        seconds += REAL[size[0]] * (1 + noise * chance.random())
        losses = {"content": 1.0, "style": 1.0, "variation": 1.0, "total": 3.0}
        job.store(Frame(evaluation, steps, evaluation, seconds, losses, {"variation": 1.0}, size=size))
        found.append((seconds, forecast.seconds_left(job)))
    return found


@pytest.mark.parametrize("off", [0.5, 1.0, 1.8])
def test_a_forecast_never_jumps_and_is_soon_right(off: float) -> None:
    job = Job(Pictures(PICTURE, (PICTURE,)), RECIPE, "me", MemoryControl(), 5.0)
    found = told(job, off, noise=0.6)
    end = found[-1][0]
    known = [(seconds, left) for seconds, left in found if left is not None]
    assert len(known) > 140
    for (before, old), (now, new) in pairwise(known):
        expected = max(0.0, old - (now - before))
        assert abs(new - expected) <= 0.2 * expected + 0.5
    for seconds, left in known[30:]:
        assert left == pytest.approx(end - seconds, rel=0.35, abs=1.5)


@pytest.mark.parametrize("middle", [0.3, 3.0])
def test_however_often_a_page_looks_it_moves_slowly(middle: float) -> None:
    job = Job(Pictures(PICTURE, (PICTURE,)), RECIPE, "me", MemoryControl(), 5.0)
    known = [(seconds, left) for seconds, left in told(job, 1.0, noise=0.2, middle=middle) if left is not None]
    for (before, old), (now, new) in combinations(known, 2):
        if now - before < 1.6:
            expected = max(0.0, old - (now - before))
            assert abs(new - expected) <= 0.2 * expected + 0.6


def test_a_time_budget_ends_the_forecast() -> None:
    job = Job(Pictures(PICTURE, (PICTURE,)), RECIPE.changed({"seconds": 5.0}), "me", MemoryControl(), 5.0)
    seconds, left = told(job, 1.0, 0.0)[40]
    assert left is not None
    assert left <= 5.0 - seconds + 0.5


def test_nothing_is_said_before_anything_is_known() -> None:
    job = Job(Pictures(PICTURE, (PICTURE,)), RECIPE, "me", MemoryControl(), 5.0)
    assert forecast.seconds_left(job) is None
    assert told(job, 1.0, 0.0)[1][1] is None
