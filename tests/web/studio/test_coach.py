"""The coach says only what holds, and no more than one thing."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from playground.engine.control import MemoryControl
from playground.engine.frames import Frame
from playground.engine.pulls import Pulls
from playground.images.pictures import Pictures
from playground.recipe.model import Recipe
from playground.service.job import Job
from playground.web.studio.coach import coached, risen, roughness, rule_of

NOISE = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)


def job_at(*points: tuple[int, int, float], settings: dict[str, object] | None = None, steps: int = 100) -> Job:
    """A run after evaluations of these steps, sizes and totals; one evaluation a step."""
    photo, painting = Image.new("RGB", (64, 64), "grey"), Image.fromarray(NOISE)
    job = Job(
        Pictures(photo, (painting,)), Recipe.of({"size": 64, **(settings or {})}), "somebody", MemoryControl(), 60
    )
    for step, size, total in points:
        job.store(
            Frame(
                step=step,
                steps=steps,
                evaluations=step,
                seconds=float(step),
                losses={"total": total, "style": total},
                layers={},
                unweighted={"style": total},
                size=(size, size),
                state="running",
            )
        )
    return job


def falling(count: int, size: int = 64) -> list[tuple[int, int, float]]:
    return [(step, size, 10.0 / (step + 1)) for step in range(count)]


def test_nothing_is_said_before_and_after_a_run() -> None:
    assert coached(None) == {}
    assert rule_of(job_at()) == ""
    job = job_at(*falling(3))
    job.tell(state="done")
    assert rule_of(job) == ""


def test_from_the_photo_content_does_not_pull_yet() -> None:
    assert rule_of(job_at(*falling(3), settings={"optimizer": "lbfgs"})) == "start"
    assert rule_of(job_at(*falling(30))) == ""
    assert rule_of(job_at(*falling(3), settings={"init": "noise"})) == ""


def test_a_new_size_explains_its_jump_for_a_while() -> None:
    new = [(step, 128, 9.0) for step in range(30, 34)]
    assert rule_of(job_at(*falling(30), *new)) == "size"
    assert coached(job_at(*falling(30), *new))["text"].startswith("Now at 128 px")
    assert rule_of(job_at(*falling(30), *new, *((step, 128, 5.0) for step in range(34, 45)))) == ""


def test_a_total_that_rises_in_adams_first_steps_means_a_rate_too_large() -> None:
    rising = [(step, 64, 1.0 + step) for step in range(7)]
    assert rule_of(job_at(*rising)) == "rate"
    assert rule_of(job_at(*rising[:4])) == "start"
    assert rule_of(job_at(*rising, settings={"optimizer": "lbfgs"})) == "start"
    steered = job_at(*rising)
    steered.control.change({"style_weight": 50.0})
    assert rule_of(steered) == "start"
    assert not risen([{"step": step, "total": 10.0 - step} for step in range(8)])
    assert not risen([{"step": step, "total": 1.0 + step} for step in range(50)])  # long ago


@pytest.mark.parametrize(("left", "said"), [(0.04, "settled"), (0.06, "")])
def test_pulls_that_cancel_are_a_run_that_has_settled(left: float, said: str) -> None:
    job = job_at(*falling(30))
    job.pulls = Pulls({"content": 1.0, "style": 1.0}, left, -0.99, {})
    assert rule_of(job) == ""  # nobody measures
    job.control.want_shares(True)
    assert rule_of(job) == said


def test_a_picture_far_smoother_than_its_painting_is_said_late_and_only_with_variation() -> None:
    smooth = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], 64, 0).repeat(3, 2)
    assert roughness(smooth) < 0.4 * roughness(NOISE)
    assert roughness(np.zeros((8, 8, 3), np.uint8)) == 0
    for steps, weight, picture, said in (
        (40, 1.0, smooth, "smooth"), (100, 1.0, smooth, ""), (40, 0.0, smooth, ""), (40, 1.0, NOISE, "")
    ):  # fmt: skip
        job = job_at(*falling(30), settings={"variation_weight": weight}, steps=steps)
        job.picture = picture
        assert rule_of(job) == said
