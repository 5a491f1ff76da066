"""The pictures of a run that a person keeps: as many as asked for, as much as the server allows, gone with the run."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from playground.images.pictures import Pictures
from playground.networks.read import Weights
from playground.recipe.model import Recipe
from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.service.store import Store
from tests.helpers.waiting import until

NOISE = [Image.fromarray(np.random.default_rng(k).integers(0, 255, (64, 64, 3), dtype=np.uint8)) for k in (0, 1)]
PICTURES = Pictures(NOISE[0], (NOISE[1],))
LIGHT = {"content_layers": {"conv2_1": 1.0}, "style_layers": {"conv1_1": 1.0}, "preview_rate": 0.1}
RECIPE = Recipe(size=64, iterations=8, scales=1, **LIGHT)


@pytest.fixture
def serve(hed: Weights, tmp_path: Path) -> Iterator[Callable[..., Jobs]]:
    made: list[Jobs] = []

    def serve(**limits: Any) -> Jobs:
        made.append(Jobs("cpu", Limits(grace_seconds=1000.0, **limits), store=Store(tmp_path / "runs", 100)))
        return made[-1]

    yield serve
    for jobs in made:
        jobs.close()


def steps(job: Job, folder: Path) -> list[int]:
    assert job.kept is not None
    job.kept.zip_to(folder / "frames.zip")
    with zipfile.ZipFile(folder / "frames.zip") as archive:
        return [int(name[5:11]) for name in archive.namelist()]


def test_a_picture_of_every_iteration_or_of_every_third(serve: Callable[..., Jobs], tmp_path: Path) -> None:
    jobs = serve()
    for every, expected in ((1, list(range(1, 9))), (3, [3, 6])):
        job = jobs.start(PICTURES, RECIPE, "ann", frames_every=every)
        until(lambda: job.ended_at)  # noqa: B023
        assert steps(job, tmp_path) == expected
        assert job.folder is not None
        with Image.open(job.folder.frames / "step-000006.png") as picture:
            assert picture.size == (64, 64)
    assert not job.notes
    without = jobs.start(PICTURES, RECIPE, "ann")
    until(lambda: without.ended_at)
    assert without.folder is not None
    assert not without.folder.frames.exists()
    assert without.kept is None


def test_asked_for_on_the_way_and_no_more(serve: Callable[..., Jobs], tmp_path: Path) -> None:
    jobs = serve()
    job = jobs.start(PICTURES, RECIPE.changed({"iterations": 100_000}), "ann")
    until(lambda: job.frame is not None and job.frame.step > 3)
    assert job.kept is None
    jobs.choices.keep_frames(job, 2)
    until(lambda: job.kept is not None and len(job.kept) > 3)
    jobs.choices.keep_frames(job, 0)
    job.control.pause()
    until(lambda: job.state == "paused")
    found = steps(job, tmp_path)
    assert all(step % 2 == 0 for step in found)
    assert found == list(range(found[0], found[-1] + 1, 2))
    job.control.resume()
    until(lambda: job.frame is not None and job.frame.step > found[-1] + 20)
    assert steps(job, tmp_path) == found
    job.control.stop()


def test_they_take_no_more_than_the_server_allows_and_go_with_the_run(
    serve: Callable[..., Jobs], tmp_path: Path
) -> None:
    jobs = serve(frames_mb=0.05)  # a picture takes about 12 KB
    job = jobs.start(PICTURES, RECIPE.changed({"iterations": 12}), "ann", frames_every=1)
    until(lambda: job.ended_at)
    assert job.kept is not None
    assert job.kept.bytes <= 0.05 * 2**20
    assert job.kept.every > 1
    assert steps(job, tmp_path) == list(range(job.kept.every, 13, job.kept.every))
    assert any(f"one in {job.kept.every} iterations" in note for note in job.notes)
    assert jobs.store is not None
    jobs.store.limit_bytes = 0
    jobs.deletion.sweep()
    assert job.kept is None
    assert job.folder is not None
    assert not job.folder.path.exists()
    nothing = serve(frames_mb=0).start(PICTURES, RECIPE, "ann", frames_every=1)
    until(lambda: nothing.ended_at)
    assert nothing.kept is None


def test_they_and_the_rounds_outlive_a_server(serve: Callable[..., Jobs], tmp_path: Path) -> None:
    rounds = {"optimizer": "lbfgs", "learning_rate": 1.0, "lbfgs_evaluations": 2, "iterations": 100_000}
    first = serve(save_every=0.1)
    job = first.start(PICTURES, RECIPE.changed(rounds), "ann", frames_every=1)
    until(lambda: len(job.reported.rounds) > 5)
    assert [said.number for said in job.reported.rounds] == list(range(1, len(job.reported.rounds) + 1))
    assert all(said.evaluations == 2 and said.ended == "enough evaluations" for said in job.reported.rounds)
    first.close(save=True)
    second = serve(save_every=0.1)
    (again,) = second.recover()
    until(lambda: again.frame is not None and len(again.reported.rounds) > len(job.reported.rounds) + 3)
    assert again.frames_every == 1
    again.control.stop()
    until(lambda: again.ended_at)
    assert again.result is not None
    assert [said.number for said in again.reported.rounds] == list(range(1, again.result.steps + 1))[-200:]
    found = steps(again, tmp_path)
    assert found == list(range(1, len(found) + 1))
    assert len(found) == again.result.steps
