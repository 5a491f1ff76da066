"""A lent GPU: the run in another process, steered through a file."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from playground.engine.control import FileControl
from playground.engine.frames import Frame
from playground.errors import PlaygroundError
from playground.networks import catalogue, read
from playground.recipe.model import Recipe, Stage
from playground.service.jobs import Jobs
from playground.service.zerogpu import megapixels_judged, paint_elsewhere
from tests.helpers.paintings import PICTURES, Painting, started
from tests.helpers.waiting import until


def in_another_process(task: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """What `spaces.GPU` does to a generator function: arguments and values are pickled, nothing else is shared."""

    def decorated(*inputs: Any) -> Iterator[Any]:
        context = multiprocessing.get_context("spawn")
        values = context.Queue()
        process = context.Process(target=_lent, args=(task, pickle.dumps(inputs), values), daemon=True)
        process.start()
        while (value := values.get(timeout=120)) is not None:
            if isinstance(value, Exception) and not isinstance(value, PlaygroundError):
                raise value
            yield value
        process.join(60)

    return decorated


def _lent(task: Callable[..., Iterator[Any]], inputs: bytes, values: multiprocessing.Queue[Any]) -> None:
    torch.set_num_threads(1)
    try:
        for value in task(*pickle.loads(inputs)):
            values.put(value)
    except Exception as error:
        values.put(RuntimeError(repr(error)))
    values.put(None)


@pytest.fixture
def lent(hed: read.Weights) -> Iterator[Jobs]:
    jobs = Jobs("cpu", lent_gpu=in_another_process(paint_elsewhere), lent_seconds=300)
    yield jobs
    jobs.close()
    assert jobs.lent is not None
    assert not jobs.lent.folder.exists()


def test_a_run_in_another_process_is_steered_through_a_file(lent: Jobs) -> None:
    job = lent.start(PICTURES, Recipe(size=64, iterations=100_000), "a")
    assert isinstance(job.control, FileControl)
    assert job.control.path.parent.stat().st_mode & 0o077 == 0
    until(lambda: job.state == "running" and len(job.curve) > 1, 240)
    assert job.frame is not None
    assert job.frame.losses["variation"] == 0.0
    job.control.change({"variation_weight": 10.0})
    until(lambda: job.frame is not None and job.frame.losses.get("variation", 0.0) > 0.0)
    job.control.want_shares(True)
    until(lambda: job.pulls)
    job.control.pause()
    until(lambda: job.state == "paused")
    job.control.resume()
    until(lambda: job.state == "running")
    job.control.stop()
    until(lambda: job.ended)
    assert job.state == "stopped"
    assert job.result is not None
    assert ("variation_weight", 10.0) in [(change.key, change.value) for change in job.result.recipe.journal]
    until(lambda: not lent.threads.alive)
    assert not job.control.path.exists()
    # the next one asks for no more of the GPU than a run of this pace needs
    assert lent.lent is not None
    assert lent.lent.seconds_for(Recipe(size=64, iterations=1)) < lent.lent.seconds


def test_a_lent_gpu_is_given_back_in_time(lent: Jobs) -> None:
    assert lent.lent is not None
    lent.lent.seconds = 4.0
    job = lent.start(PICTURES, Recipe(size=64, iterations=100_000), "a")
    until(lambda: job.ended, 240)
    assert job.state == "stopped"
    assert job.result is not None


def test_errors_of_another_process_are_said(lent: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "is_available", lambda name: True)
    network = "no-such-file.pth"
    lent.downloads.networks = (*lent.networks, network)
    job = lent.start(PICTURES, Recipe(size=64, network=network), "a")
    until(lambda: job.ended, 240)
    assert job.error is not None
    assert "no-such-file.pth" in job.error


def test_a_lenders_own_words_are_passed_on(painting: type[Painting]) -> None:
    class QuotaError(Exception):
        message = "You have used up your GPU time for today."

    def refuse(*inputs: Any) -> Iterator[Frame]:
        raise QuotaError
        yield

    jobs = Jobs("cpu", lent_gpu=refuse)
    (job,) = started(jobs, "a")
    until(lambda: job.ended)
    assert job.error == "You have used up your GPU time for today."
    jobs.close()


def test_megapixels_judged() -> None:
    assert megapixels_judged(Recipe(size=1000, iterations=7)) == pytest.approx(7)
    assert megapixels_judged(Recipe(size=1000, iterations=7, scales=2)) == pytest.approx(3 * 0.25 + 4)
    lbfgs = Recipe(size=1000, iterations=7, optimizer="lbfgs", lbfgs_evaluations=5)
    assert megapixels_judged(lbfgs) == pytest.approx(35)
    ran = lbfgs.changed({"plan": [Stage(size=1000, iterations=3, evaluations=12)]})
    assert megapixels_judged(ran) == pytest.approx(12)
