"""A run from the queue to its end: pauses, time limits, faults in words, and nothing left in memory."""

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image

from playground.engine.losses import Objective
from playground.engine.run import Run
from playground.errors import PlaygroundError
from playground.images.pictures import Pictures
from playground.networks import read
from playground.recipe.model import Recipe
from playground.service import deletion
from playground.service.job import Job
from playground.service.jobs import Jobs
from tests.helpers.paintings import PICTURES, RECIPE, Painting, started
from tests.helpers.waiting import until


def test_a_paused_run_takes_no_turns(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make()
    first, second = started(jobs, "a", "b", iterations=5)
    until(lambda: first.state == second.state == "running")
    first.control.pause()
    until(lambda: first.state == "paused")
    for _ in range(5):
        painting.gate.release()
    until(lambda: second.state == "done")
    assert set(painting.steps_of) == {1}
    assert first.state == "paused"
    first.control.resume()
    for _ in range(5):
        painting.gate.release()
    until(lambda: first.state == "done")


def test_a_run_ends_when_it_has_had_its_time(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make(max_seconds=1)
    (job,) = started(jobs, "a", iterations=100_000)
    until(lambda: job.state == "running")
    assert job.started_at is not None
    job.started_at -= 0.5

    def step() -> bool:
        painting.gate.release()
        return job.ended

    until(step)
    assert job.state == "stopped"
    assert job.notes == ["stopped after 0.0167 minutes, the longest that a run may take here"]


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (PlaygroundError("The paint is dry: add water."), "The paint is dry: add water."),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), "try 64 px"),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate"), "try 64 px"),
        (torch.OutOfMemoryError("CUDA out of memory."), "try 64 px"),
        (MemoryError(), "try 64 px"),
    ],
)
def test_what_a_user_can_mend_is_said(
    make: Callable[..., Jobs], painting: type[Painting], fault: Exception, sentence: str
) -> None:
    painting.fault = fault
    (job,) = started(make(), "a", size=96)
    painting.gate.release()
    until(lambda: job.ended)
    assert job.state == "failed"
    assert job.error is not None
    assert sentence in job.error
    assert job.picture is not None  # the last preview stays


def test_a_fault_of_ours_is_logged_and_calmly_said(
    make: Callable[..., Jobs], painting: type[Painting], caplog: pytest.LogCaptureFixture
) -> None:
    painting.fault = ZeroDivisionError("inner workings")
    jobs = make(max_runs=1)
    (job,) = started(jobs, "a")
    painting.gate.release()
    until(lambda: job.ended)
    assert job.error is not None
    assert "inner workings" not in job.error
    assert job.name in job.error
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert job.name in record.getMessage()
    assert job.id not in caplog.text  # an id authorises, so it does not stand in a log
    painting.fault = None
    (after,) = started(jobs, "a")
    for _ in range(3):
        painting.gate.release()
    until(lambda: after.state == "done")


def test_nothing_large_of_a_run_stays_in_memory(
    make: Callable[..., Jobs], painting: type[Painting], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "KEEP_PICTURES_MB", 0.1)
    jobs = make()
    ways: list[Callable[[Job], None]] = [lambda job: None, lambda job: job.control.stop(), lambda job: None]
    ended = []
    for way, fault in zip(ways, [None, None, PlaygroundError("ill")], strict=True):
        painting.fault = fault
        (job,) = started(jobs, "a")
        content = weakref.ref(picture := Image.new("RGB", (640, 480)))
        job.control.stop()
        until(lambda: job.ended)  # noqa: B023
        job = jobs.start(Pictures(picture, (picture,)), RECIPE, "b")
        del picture
        way(job)
        for _ in range(3):
            painting.gate.release()
        until(lambda: job.ended)  # noqa: B023
        until(lambda: gc.collect() >= 0 and content() is None)  # noqa: B023
        assert job.content is not None
        assert job.content.size == (64, 48)
        ended.append(job.state)
    assert ended == ["done", "stopped", "failed"]
    assert painting.tensors
    assert [reference() for reference in painting.tensors] == [None] * len(painting.tensors)


def test_two_real_runs_share_the_device(hed: read.Weights) -> None:
    jobs = Jobs("cpu")
    recipes = [Recipe(size=64, iterations=6, seed=seed, init="noise") for seed in (1, 2)]
    runs = [jobs.start(PICTURES, recipe, str(recipe.seed)) for recipe in recipes]
    alone = jobs.start(PICTURES, recipes[0], "alone")
    until(lambda: all(job.ended for job in [*runs, alone]), 240)
    assert [job.state for job in runs] == ["done", "done"]
    pictures = [np.asarray(job.result.picture) for job in [*runs, alone] if job.result]
    assert not np.array_equal(pictures[0], pictures[1])
    assert np.array_equal(pictures[0], pictures[2])  # whoever paints beside it, the bits are the same
    jobs.close()
    until(lambda: gc.collect() >= 0 and not any(type(thing) in (Run, Objective) for thing in gc.get_objects()))
