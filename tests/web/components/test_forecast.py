"""How long a run will still take: corrected by what is seen, and without jumps."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import combinations, pairwise

import pytest
import torch
from PIL import Image

from playground.engine.control import MemoryControl
from playground.engine.frames import Frame
from playground.engine.schedule import plan_stages
from playground.images.pictures import Pictures
from playground.measure import pace
from playground.networks import arithmetic_choice
from playground.recipe.model import Recipe
from playground.recipe.presets import load_preset
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


RECORDED = {
    1: {96: 0.0824, 128: 0.138, 192: 0.311, 256: 0.533, 384: 1.214},
    2: {96: 0.0316, 128: 0.0471, 192: 0.102, 256: 0.153, 384: 0.322},
}
"""Seconds of an evaluation of the preset `default` by size, by threads (with two, in bfloat16)."""


def simulated(
    monkeypatch: pytest.MonkeyPatch, threads: int, size: int, noise: float = 0.0
) -> list[tuple[float, float]]:
    """Of a run at an even pace, on a machine that knows nothing of itself yet: seconds, and what is forecast of them."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr(pace, "known", {})
    monkeypatch.setattr(pace, "_stored", dict)
    monkeypatch.setattr(pace, "probe", lambda device: 0.02)
    monkeypatch.setenv(arithmetic_choice.VARIABLE, "direct")
    recipe = load_preset().changed({"size": size})
    job = Job(Pictures(PICTURE, (PICTURE,)), recipe, "me", MemoryControl(), 5.0)
    job.expect("cpu")
    chance, seconds, done, found = random.Random(1), 0.0, 0, []
    for stage in plan_stages(recipe, job.aspect):
        each = RECORDED[threads][stage.size]
        seconds += each  # the painting is described at this size
        for _ in range(stage.iterations):
            seconds, done = seconds + each * (1 + noise * (chance.random() - 0.5)), done + 1
            losses = {"content": 1.0, "style": 1.0, "variation": 1.0, "total": 3.0}
            shape = (stage.size, round(0.75 * stage.size))
            job.store(Frame(done, recipe.iterations, done, seconds, losses, {"variation": 1.0}, size=shape))
            left = forecast.seconds_left(job)
            found += [] if left is None else [(seconds, left)]
    return found


@pytest.mark.parametrize("noise", [0.0, 0.4])
@pytest.mark.parametrize("size", [256, 384])
@pytest.mark.parametrize("threads", [1, 2])
def test_at_an_even_pace_the_time_left_never_climbs(
    monkeypatch: pytest.MonkeyPatch, threads: int, size: int, noise: float
) -> None:
    known = simulated(monkeypatch, threads, size, noise)
    end = known[-1][0]
    for (_, old), (now, new) in pairwise(known):
        assert new <= old + 0.01, f"after {now:.1f} s"
    for seconds, left in known:
        if seconds > 0.1 * end:
            assert left == pytest.approx(end - seconds, rel=0.25, abs=1.5), f"after {seconds:.1f} s"


def test_a_machine_that_becomes_twice_as_slow_is_believed_slowly() -> None:
    """As when others run beside: the number grows, by no jump, and is right after a while."""
    said, went = 60.0, [60.0]
    for second in range(1, 31):
        said = forecast.calmed(120.0 - second, said, 1.0)
        went.append(said)
    assert all(new < 1.2 * old for old, new in pairwise(went))
    assert went[-1] == pytest.approx(90.0, rel=0.25)
    assert all(new < old for old, new in pairwise(went[15:])), "then it falls all the way"
