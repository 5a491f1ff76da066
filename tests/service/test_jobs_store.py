"""Jobs with a store, on the real network: branches, checkpoints, and runs that outlive their server."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from playground.engine.checkpoints import Checkpoints
from playground.errors import PlaygroundError
from playground.images.pictures import Pictures
from playground.networks.read import Weights
from playground.recipe.base import RecipeError
from playground.recipe.model import Recipe
from playground.recipe.presets import load_training_preset
from playground.service.admission import Busy
from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.service.store import Store
from playground.service.training_job import training_of
from tests.helpers.waiting import until

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
STYLE = Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8))
PICTURES = Pictures(PICTURE, (STYLE,))
ENDLESS = Recipe(size=64, iterations=100_000, scales=1)


@pytest.fixture
def serve(hed: Weights, tmp_path: Path) -> Iterator[Callable[..., Jobs]]:
    made: list[Jobs] = []

    def serve(**limits: object) -> Jobs:
        settings = {"grace_seconds": 1000.0, "save_every": 0.1, **limits}
        made.append(Jobs("cpu", Limits(**settings), store=Store(tmp_path / "runs", 100)))
        return made[-1]

    yield serve
    for jobs in made:
        jobs.close()
        assert not jobs.threads.alive


def painted(job: Job, evaluations: int) -> None:
    until(lambda: job.ended or (job.frame is not None and job.frame.evaluations >= evaluations), 120)
    assert not job.ended, job.error


def paused(job: Job) -> int:
    """Pause a run; the evaluation where it stands, once its checkpoint is kept."""
    job.control.pause()
    until(lambda: job.state == "paused")
    assert job.frame is not None
    assert job.checkpoints is not None
    at = job.frame.evaluations
    until(lambda: job.checkpoints is not None and job.checkpoints.evaluations[-1:] == [at])
    return at


def test_a_branch_leaves_where_the_run_paused_with_other_settings(serve: Callable[..., Jobs]) -> None:
    jobs = serve(runs_each=2)
    parent = jobs.start(PICTURES, ENDLESS, "ann")
    painted(parent, 5)
    at = paused(parent)
    branch = jobs.branch(parent, at, {"style_weight": 7.0}, "ann")
    painted(branch, at + 3)
    assert (branch.parent, branch.changes) == ((parent.id, at), {"style_weight": 7.0})
    assert branch.recipe.style_weight == 7.0
    assert [point["evaluations"] for point in branch.curve][: at + 1] == list(range(1, at + 2))  # the parent's, and on
    assert branch.reported.layers[0]["evaluations"] == 1
    assert [frame.jpeg for frame in branch.previews.frames][:1] == [frame.jpeg for frame in parent.previews.frames][:1]
    assert parent.state == "paused"
    branch.control.stop()
    until(lambda: branch.ended_at)
    assert branch.result is not None
    assert [(change.evaluation, change.key) for change in branch.result.recipe.journal] == [(at, "style_weight")]


def test_what_cannot_branch_says_why_and_leaves_nothing(serve: Callable[..., Jobs]) -> None:
    jobs = serve(runs_each=1)
    parent = jobs.start(PICTURES, ENDLESS, "ann")
    painted(parent, 2)
    paused(parent)
    assert jobs.store is not None
    folders = sorted(jobs.store.folder.glob("run-*"))
    with pytest.raises(RecipeError, match="size is settled when a run starts"):
        jobs.branch(parent, 0, {"size": 128}, "ann")
    with pytest.raises(Busy):
        jobs.branch(parent, 0, {"style_weight": 2.0}, "ann")
    assert sorted(jobs.store.folder.glob("run-*")) == folders
    branch = jobs.branch(parent, 0, {"style_weight": 2.0}, "ann", replace=True)
    until(lambda: parent.ended)
    painted(branch, 1)
    without = Jobs("cpu")
    job = without.start(PICTURES, ENDLESS, "ann")
    painted(job, 1)
    assert job.previews.frames  # in memory alone
    with pytest.raises(PlaygroundError, match="keeps no moments"):
        without.branch(job, 0, {}, "ann")
    without.close()


def test_a_server_that_ends_leaves_its_runs_to_the_next(serve: Callable[..., Jobs]) -> None:
    first = serve(max_runs=2)
    running = first.start(PICTURES, ENDLESS, "ann")
    resting = first.start(PICTURES, ENDLESS, "ben")
    waiting = first.start(PICTURES, ENDLESS, "cy")
    painted(running, 3)
    painted(resting, 3)
    rested_at = paused(resting)
    running.control.change({"content_weight": 3.0})
    painted(running, running.frame.evaluations + 2 if running.frame else 5)
    first.close(save=True)
    assert running.checkpoints is not None
    saved_at = running.checkpoints.evaluations[-1]
    second = serve(max_runs=2)
    again, rest, wait = second.recover()
    assert [job.id for job in (again, rest, wait)] == [job.id for job in (running, resting, waiting)]
    assert [job.visitor for job in (again, rest, wait)] == ["ann", "ben", "cy"]
    assert second.find("ann") == [again]
    painted(again, saved_at + 2)
    assert [point["evaluations"] for point in again.curve][:saved_at] == list(range(1, saved_at + 1))
    until(lambda: rest.state == "paused")
    assert rest.frame is not None
    assert rest.frame.evaluations == rested_at
    assert wait.place == 1
    again.control.stop()
    until(lambda: again.result)
    assert again.result is not None
    assert ("content_weight", 3.0) in [(change.key, change.value) for change in again.result.recipe.journal]
    painted(wait, 1)


def test_whose_colours_survive_a_restart_and_go_on_in_a_branch(serve: Callable[..., Jobs]) -> None:
    first = serve(max_runs=1, runs_each=2)
    running = first.start(PICTURES, ENDLESS, "ann")
    waiting = first.start(PICTURES, ENDLESS, "ben")
    plain = first.start(PICTURES, ENDLESS, "cy")
    for job in (running, waiting):
        first.choices.show_colours(job, "content")
    painted(running, 3)
    paused(running)
    branch = first.branch(running, 3, {"style_weight": 7.0}, "ann")
    assert branch.colours == "content"
    until(lambda: all(job.folder and job.folder.meta.exists() for job in (running, waiting, plain, branch)))
    first.close(save=True)
    second = serve(max_runs=1, runs_each=2)
    found = {job.id: job.colours for job in second.recover()}
    assert found == {running.id: "content", waiting.id: "content", plain.id: "style", branch.id: "content"}
    again = second.get(running.id)
    assert again is not None
    second.choices.show_colours(again, "style")
    second.close(save=True)
    third = {job.id: job.colours for job in serve(max_runs=1).recover()}
    assert third == {**found, running.id: "style"}


def test_a_run_that_ended_or_was_stopped_does_not_come_back(serve: Callable[..., Jobs]) -> None:
    first = serve()
    done = first.start(PICTURES, Recipe(size=64, iterations=2, scales=1), "ann")
    until(lambda: done.ended_at)
    assert done.state == "done"
    assert done.checkpoints is not None
    assert done.checkpoints.evaluations[-1] == 2  # one may go back into it, or on from its end
    first.close(save=True)
    assert serve().recover() == []


def test_from_the_end_of_a_run_one_may_go_on(serve: Callable[..., Jobs]) -> None:
    jobs = serve()
    done = jobs.start(PICTURES, Recipe(size=64, iterations=2, scales=1), "ann")
    until(lambda: done.ended_at)
    longer = jobs.branch(done, 2, {"iterations": 5}, "ann")
    until(lambda: longer.ended_at)
    assert longer.result is not None
    assert longer.result.evaluations == 5


def test_a_training_goes_on_in_the_next_server(serve: Callable[..., Jobs]) -> None:
    tiny = load_training_preset().changed(
        {"image_size": 32, "style_size": 64, "batch_size": 1, "width": 4, "blocks": 1, "steps": 1_000_000}
    )
    first = serve()
    training = first.train(STYLE, None, tiny, "ann", "Noise")
    until(lambda: training.frame is not None and training.frame.step > 2, 120)
    first.close(save=True)
    assert training.frame is not None
    reached = training.frame.step
    (found,) = serve().recover()
    again = training_of(found)
    assert again is not None
    assert (again.id, again.title) == (training.id, "Noise")
    until(lambda: again.ended or (again.frame is not None and again.frame.step > reached), 120)
    assert not again.ended, again.error
    again.control.stop()
    until(lambda: again.ended_at)
    assert again.model is not None


def test_a_disk_that_takes_nothing_is_said_and_the_run_goes_on(
    serve: Callable[..., Jobs], monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = serve()

    def full(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Store, "create", full)
    job = jobs.start(PICTURES, Recipe(size=64, iterations=3, scales=1), "ann")
    until(lambda: job.ended_at)
    assert job.state == "done"
    assert job.notes == ["the server's disk is full or read-only: the picture goes on, but it cannot be gone back in"]


def test_a_disk_that_fills_up_later_is_said_once(serve: Callable[..., Jobs]) -> None:
    jobs = serve()
    job = jobs.start(PICTURES, ENDLESS, "ann")
    painted(job, 2)
    at = paused(job)
    assert isinstance(job.checkpoints, Checkpoints)
    shutil.rmtree(job.checkpoints.folder)
    job.checkpoints.folder.write_text("no folder any more")
    job.control.resume()
    painted(job, at + 1)
    until(lambda: job.notes)
    painted(job, job.frame.evaluations + 20 if job.frame else 0)
    assert len(job.notes) == 1
    assert "no further moments" in job.notes[0]
