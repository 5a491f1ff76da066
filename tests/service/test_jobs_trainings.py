"""Trainings and tasks on behalf of people: they go on unwatched, are bounded, and leave a model and nothing else."""

from __future__ import annotations

import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from playground.errors import PlaygroundError
from playground.feedforward.model import load_model
from playground.feedforward.photos import BUNDLED, Photos
from playground.networks import read
from playground.recipe.training import load_training_preset
from playground.service import job as job_module
from playground.service import jobs as jobs_module
from playground.service import uploads
from playground.service.job import Task, TrainingJob
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.service.uploads import collect_photos
from tests.service.test_jobs import until

STYLE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
TINY = load_training_preset().changed(
    {"image_size": 32, "style_size": 64, "batch_size": 1, "width": 4, "blocks": 1, "steps": 2}
)
ENDLESS = TINY.changed({"steps": 1_000_000})


@pytest.fixture
def jobs(hed: read.Weights) -> Iterator[Jobs]:
    made = Jobs("cpu", Limits(grace_seconds=0.2))
    yield made
    made.close()
    assert not made._folders.exists()
    assert not made._workers


def train(jobs: Jobs, visitor: str = "ann", recipe: object = TINY) -> TrainingJob:
    return jobs.train(STYLE, Photos(BUNDLED), recipe, visitor, jobs.new_folder(), "Noise")  # type: ignore[arg-type]


def test_a_training_ends_with_a_model_and_without_the_photographs(jobs: Jobs) -> None:
    job = train(jobs)
    assert job.model is None
    until(lambda: job.ended_at)
    assert job.state == "done", job.error
    assert job.model is not None
    model = load_model(job.model)
    assert (model.card.title, model.card.steps) == ("Noise", 2)
    assert [path.name for path in sorted(job.folder.iterdir())] == ["model.jpg", "model.safetensors"]
    assert [point["step"] for point in job.curve] == [1, 2]
    assert job.picture is not None
    assert job.picture.shape == (64, 4 * 32, 3)


def test_a_training_goes_on_unwatched_and_beside_the_visitors_run(jobs: Jobs) -> None:
    job = train(jobs, recipe=ENDLESS)
    job.leave()
    until(lambda: job.frame and job.frame.step > 3)
    time.sleep(0.5)  # twice the grace that a run would have
    assert not job.ended
    run = jobs.start(STYLE, STYLE, jobs_module.Recipe(size=64, iterations=1, scales=1), "ann")
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
    monkeypatch.setattr(job_module, "PAUSED_SECONDS", 0.1)
    until(lambda: job.ended)
    assert job.model is not None


def test_one_training_a_visitor_and_few_at_once(jobs: Jobs) -> None:
    first = train(jobs, "ann", ENDLESS)
    with pytest.raises(PlaygroundError, match="already have a training"):
        train(jobs, "ann")
    train(jobs, "ben", ENDLESS)
    with pytest.raises(PlaygroundError, match="2 trainings go on"):
        train(jobs, "cy")
    first.control.stop()
    until(lambda: first.ended)
    train(jobs, "cy")


def test_files_of_a_forgotten_training_and_of_one_that_never_began_are_deleted(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    unused = jobs.new_folder()
    job = train(jobs)
    until(lambda: job.ended_at)
    jobs.drop_folder(job.folder)
    assert job.folder.exists()
    jobs.drop_folder(unused)
    assert not unused.exists()
    monkeypatch.setattr(jobs, "limits", Limits(training_seconds=1))
    job.ended_at = time.monotonic() - 2
    assert jobs.get(job.id) is None
    assert not job.folder.exists()


def test_where_the_gpu_is_lent_no_training_is_begun(hed: read.Weights) -> None:
    lent = Jobs("cpu", lent_gpu=lambda *_: iter(()))
    with pytest.raises(PlaygroundError, match="by the minute"):
        train(lent)
    lent.close()


def test_an_errand_reports_is_one_a_visitor_and_ends_unwatched(jobs: Jobs) -> None:
    went_on = threading.Event()

    def work(task: Task) -> None:
        while not task.stopped:
            task.found.append(len(task.found))
            task.report(f"piece {len(task.found)}", None)
            time.sleep(0.01)
        went_on.set()

    task = jobs.task("ann", work)
    with pytest.raises(PlaygroundError, match="still under way"):
        jobs.task("ann", work)
    until(lambda: len(task.found) > 5 or task.touch())
    assert task.sentence.startswith("piece")
    assert task.over.wait(10)  # nobody touches it any more
    assert went_on.is_set()
    assert task.error is None


def test_an_errand_that_fails_says_why(jobs: Jobs) -> None:
    def mendable(task: Task) -> None:
        raise PlaygroundError("The picture is too dark.")

    def broken(task: Task) -> None:
        raise KeyError("secret")

    task = jobs.task("ann", mendable)
    assert task.over.wait(10)
    assert task.error == "The picture is too dark."
    task = jobs.task("ann", broken)
    assert task.over.wait(10)
    assert "secret" not in str(task.error)


# ---- uploads


def png(path: Path) -> Path:
    Image.new("RGB", (32, 32), "teal").save(path)
    return path


def test_uploads_become_numbered_files_wherever_a_zip_wants_them(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    picture = png(tmp_path / "one.png")
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for name in ("../../escaped.png", "/etc/escaped.png", "deep/er/two.PNG", "C:\\three.jpg"):
            archive.write(picture, name)
        for name in ("notes.txt", "__MACOSX/._two.png", "deep/.hidden.png", "script.py"):
            archive.writestr(name, "no picture")
    assert collect_photos([picture, tmp_path / "many.zip", tmp_path / "notes.txt"], folder) == 5
    assert sorted(path.name for path in folder.iterdir()) == [
        "00000.png", "00001.png", "00002.png", "00003.png", "00004.jpg",
    ]  # fmt: skip
    assert {path.name for path in tmp_path.iterdir()} == {"photos", "one.png", "many.zip"}
    assert len(Photos(folder)) == 5


def test_what_a_zip_unpacks_to_is_bounded_whatever_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, bomb = tmp_path / "photos", tmp_path / "bomb.zip"
    folder.mkdir()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", bytes(30_000_000))
    monkeypatch.setattr(uploads, "MAX_BYTES", 5_000_000)
    with pytest.raises(PlaygroundError, match="larger than"):
        collect_photos([bomb], folder)
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 5_000_000
    monkeypatch.setattr(uploads, "MAX_PHOTOS", 2)
    picture = png(tmp_path / "one.png")
    with pytest.raises(PlaygroundError, match="more than 2 photographs"):
        collect_photos([picture] * 3, folder)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"not a zip"])
def test_a_zip_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "broken.zip"
    file.write_bytes(content)
    with pytest.raises(PlaygroundError, match=r"'broken.zip' cannot be unpacked"):
        collect_photos([file], tmp_path)


def test_files_without_a_picture_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(PlaygroundError, match="no photograph among"):
        collect_photos([tmp_path / "notes.txt"], tmp_path)
