"""Trainings on behalf of people: they go on unwatched, are bounded, and leave a model and nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from playground.errors import PlaygroundError
from playground.feedforward.model import load_model
from playground.images.pictures import Pictures
from playground.networks import read
from playground.recipe.model import Recipe
from playground.recipe.presets import load_training_preset
from playground.service import training_job
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.service.training_job import TrainingJob
from tests.helpers.waiting import until

STYLE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
TINY = load_training_preset().changed(
    {"image_size": 32, "style_size": 64, "batch_size": 1, "width": 4, "blocks": 1, "steps": 2}
)
ENDLESS = TINY.changed({"steps": 1_000_000})


@pytest.fixture
def jobs(hed: read.Weights) -> Iterator[Jobs]:
    made = Jobs("cpu", Limits(grace_seconds=0.2))
    folders = made._folders.new().path.parent
    yield made
    made.close()
    assert not folders.exists()
    assert not made.threads.alive


def train(jobs: Jobs, visitor: str = "ann", recipe: object = TINY) -> TrainingJob:
    return jobs.train(STYLE, None, recipe, visitor, "Noise")  # type: ignore[arg-type]


def test_a_training_ends_with_a_model_and_without_the_photographs(jobs: Jobs) -> None:
    job = train(jobs)
    assert job.model is None
    until(lambda: job.ended_at)
    assert job.state == "done", job.error
    assert job.model is not None
    model = load_model(job.model)
    assert (model.card.title, model.card.steps) == ("Noise", 2)
    assert [path.name for path in sorted(job.folder.path.iterdir())] == ["model.jpg", "model.safetensors"]
    assert [point["step"] for point in job.curve] == [1, 2]
    assert job.picture is not None
    assert job.picture.shape == (64, 4 * 32, 3)


def test_a_training_goes_on_unwatched_and_beside_the_visitors_run(jobs: Jobs) -> None:
    job = train(jobs, recipe=ENDLESS)
    job.touch()
    until(lambda: job.frame and job.frame.step > 3)
    time.sleep(0.5)  # twice the grace that a run would have
    assert not job.ended
    run = jobs.start(Pictures(STYLE, (STYLE,)), Recipe(size=64, iterations=1, scales=1), "ann")
    until(lambda: run.ended or run.touch())
    assert run.state == "done"
    assert jobs.get(job.id) is job
    job.control.stop()
    until(lambda: job.ended)
    assert job.state == "stopped"
    assert job.model is not None


def test_a_paused_training_that_nobody_looks_at_gives_its_place_up(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    job = train(jobs, recipe=ENDLESS)
    job.control.pause()
    until(lambda: job.state == "paused")
    time.sleep(0.5)
    assert not job.ended
    monkeypatch.setattr(training_job, "PAUSED_SECONDS", 0.1)
    until(lambda: job.ended)
    assert job.model is not None


def test_one_training_a_visitor_and_few_at_once(jobs: Jobs) -> None:
    first = train(jobs, "ann", ENDLESS)
    with pytest.raises(PlaygroundError, match="already have a training"):
        train(jobs, "ann")
    train(jobs, "ben", ENDLESS)
    folders = set(first.folder.path.parent.iterdir())
    with pytest.raises(PlaygroundError, match="2 trainings go on"):
        train(jobs, "cy")
    with pytest.raises(PlaygroundError, match="no photograph among"):
        jobs.take_photos([])
    assert set(first.folder.path.parent.iterdir()) == folders  # what is refused leaves nothing behind
    first.control.stop()
    until(lambda: first.ended)
    train(jobs, "cy")


def test_files_of_a_forgotten_training_and_of_one_that_never_began_are_deleted(
    jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = tmp_path / "a.png"
    STYLE.save(photo)
    unused, used = jobs.take_photos([photo]), jobs.take_photos([photo])
    assert [len(given.photos) for given in (unused, used)] == [1, 1]
    job = jobs.train(STYLE, used, TINY, "ann", "Noise")
    until(lambda: job.ended_at)
    assert job.state == "done", job.error
    jobs.drop_photos(used)
    assert job.folder.path.exists()
    jobs.drop_photos(unused)
    assert not unused.folder.path.exists()
    monkeypatch.setattr(jobs.admission, "limits", Limits(training_seconds=1))
    job.ended_at = time.monotonic() - 2
    assert jobs.get(job.id) is None
    assert not job.folder.path.exists()


def test_where_the_gpu_is_lent_no_training_is_begun(hed: read.Weights) -> None:
    lent = Jobs("cpu", lent_gpu=lambda *_: iter(()))
    with pytest.raises(PlaygroundError, match="by the minute"):
        train(lent)
    lent.close()
