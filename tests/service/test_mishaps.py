"""What may happen to a server's folder and its clock while runs go on: somebody deletes it, or sets the clock back."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from playground.images.pictures import Pictures
from playground.networks.read import Weights
from playground.recipe.model import Recipe
from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.service.run_folder import RunFolder
from playground.service.store import Store
from tests.helpers.training import tiny
from tests.helpers.waiting import until
from tests.service.test_full_disks import PICTURES, STYLE

ENDLESS = Recipe(size=64, iterations=100_000, scales=1)
YEAR = 365 * 86_400.0


@pytest.fixture
def serve(hed: Weights, tmp_path: Path) -> Iterator[Callable[[], Jobs]]:
    made: list[Jobs] = []

    def serve() -> Jobs:
        limits = Limits(grace_seconds=1000.0, save_every=0.1)
        made.append(Jobs("cpu", limits, store=Store(tmp_path / "runs", 100)))
        return made[-1]

    yield serve
    for jobs in made:
        jobs.close()
        assert not jobs.threads.alive


def saved(job: Job, beyond: int) -> int:
    """Wait until a checkpoint beyond an evaluation lies on the disk; the newest's evaluation."""
    until(lambda: job.folder is not None)
    assert job.folder is not None
    folder = job.folder.checkpoints

    def newest() -> int:
        assert not job.ended, job.error
        return max((int(path.stem) for path in folder.glob("[0-9]*.moment")), default=-1)

    until(lambda: newest() > beyond)
    return newest()


def delete(folder: Path) -> None:
    """Delete a folder at one stroke: file by file it would be a race with the server that makes it anew."""
    away = folder.rename(folder.parent.parent / f"deleted-{folder.name}")
    shutil.rmtree(away)


def test_a_runs_folder_deleted_while_it_goes_on_is_made_anew(
    serve: Callable[[], Jobs], caplog: pytest.LogCaptureFixture
) -> None:
    first = serve()
    job = first.start(PICTURES, ENDLESS, "ann")
    at = saved(job, 0)
    assert job.folder is not None
    delete(job.folder.path)
    job.control.change({"style_weight": 3.0})
    at = saved(job, at)
    until(job.folder.meta.exists)
    assert sum("was deleted while its run goes on" in record.getMessage() for record in caplog.records) == 1
    first.close(save=True)
    (again,) = serve().recover()
    assert saved(again, at) > at
    assert again.control.read().settings["style_weight"] == 3.0
    assert again.notes == []
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("tries", [1, 4])
def test_a_folder_is_made_anew_however_slowly_it_is_deleted(
    serve: Callable[[], Jobs], monkeypatch: pytest.MonkeyPatch, tries: int
) -> None:
    """Whoever deletes it file by file may take away what was just made."""
    first = serve()
    job = first.start(PICTURES, ENDLESS, "ann")
    at = saved(job, 0)
    assert job.folder is not None
    make = RunFolder.make_anew
    failed: list[RunFolder] = []

    def taken_away(folder: RunFolder, pictures: Pictures) -> None:
        if len(failed) < tries:
            failed.append(folder)
            raise FileNotFoundError(folder.path)
        make(folder, pictures)

    monkeypatch.setattr(RunFolder, "make_anew", taken_away)
    delete(job.folder.path)
    until(job.folder.meta.exists)
    assert len(failed) == tries
    first.close(save=True)
    (again,) = serve().recover()
    assert saved(again, at) > at


def test_a_folder_of_which_half_is_deleted_is_made_whole(serve: Callable[[], Jobs]) -> None:
    first = serve()
    job = first.start(PICTURES, ENDLESS, "ann")
    saved(job, 0)
    assert job.folder is not None
    for picture in ("content.png", "style.png"):
        (job.folder.path / picture).unlink()
    until((job.folder.path / "style.png").exists)
    first.close(save=True)
    (again,) = serve().recover()
    assert again.pictures.content is not None


def test_a_trainings_folder_deleted_while_it_goes_on_is_made_anew(serve: Callable[[], Jobs]) -> None:
    first = serve()
    recipe = tiny(image_size=32, steps=1_000_000, checkpoint_steps=3)
    job = first.train(STYLE, None, recipe, "ann", "Noise")
    until(lambda: job.ended or job.folder.training_state.exists())
    delete(job.folder.path)
    until(lambda: job.ended or (job.folder.meta.exists() and job.folder.training_state.exists()))
    assert not job.ended, job.error
    first.close(save=True)
    (again,) = serve().recover()
    reached = job.frame.step if job.frame else 0
    until(lambda: again.ended or (again.frame is not None and again.frame.step > reached))
    assert not again.ended, again.error


def test_a_servers_whole_folder_deleted_is_said_once_and_the_picture_is_painted(
    serve: Callable[[], Jobs], caplog: pytest.LogCaptureFixture
) -> None:
    """It is not made anew: another server would take it for a dead one's, whose lock is gone."""
    first = serve()
    job = first.start(PICTURES, ENDLESS.changed({"iterations": 25}), "ann")
    saved(job, 0)
    assert first.store is not None
    shutil.rmtree(first.store.folder)
    until(lambda: job.touch() or job.ended_at)
    assert job.state == "done", job.error
    assert serve().recover() == []
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(said) <= 3, said
    assert len(job.notes) <= 1


def test_a_clock_that_was_set_back_costs_no_run(serve: Callable[[], Jobs], monkeypatch: pytest.MonkeyPatch) -> None:
    first = serve()
    job = first.start(PICTURES, ENDLESS, "ann")
    at = saved(job, 0)
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() - YEAR)
    at = saved(job, at)
    first.close(save=True)
    (again,) = serve().recover()
    assert again.id == job.id
    assert saved(again, at) > at


def test_two_servers_on_one_folder_keep_to_their_own_and_say_so(
    serve: Callable[[], Jobs], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    first, second = serve(), serve()
    job = first.start(PICTURES, ENDLESS, "ann")
    at = saved(job, 0)
    assert second.recover() == []
    assert "another server is running on" in caplog.text
    assert saved(job, at) > at
    first.close(save=True)
    assert [run.id for run in second.recover()] == [job.id], "one takes all that the other has left"
    assert serve().recover() == []


def test_no_file_is_newer_than_the_clock_for_ever(tmp_path: Path) -> None:
    """A page's files from before the clock was set back were never swept, and no upload had room."""
    from playground.web.pagefiles import PageFiles

    files = PageFiles(tmp_path, 1)
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(bytes(600_000))
        os.utime(tmp_path / f"{number}.png", (time.time() + YEAR,) * 2)
    files.sweep()
    assert files.room() > 0
