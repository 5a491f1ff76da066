"""A server with runs going on is killed or asked to end, and the next one goes on with all of them."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from playground.engine.checkpoints import COST_RATIO, Checkpoints
from playground.engine.run import Run
from playground.images.pictures import Pictures
from playground.networks.read import Weights
from playground.networks.vgg import Vgg
from playground.recipe.model import Recipe
from playground.recipe.presets import load_training_preset
from playground.service import worker as worker_module
from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.service.run_folder import RunFolder
from playground.service.store import Store
from playground.service.training_job import training_of
from tests.helpers.waiting import until

SAVE_EVERY = 1.0
LIMITS = Limits(max_runs=8, save_every=SAVE_EVERY, grace_seconds=600)
CONTENT = Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8))
STYLE = Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8))
PICTURES = Pictures(CONTENT, (STYLE,))
ADAM = Recipe(size=64, smallest=48, iterations=100_000, scales=1)
LBFGS = ADAM.changed(
    {"optimizer": "lbfgs", "learning_rate": 1.0, "canvas": "pyramid", "lbfgs_evaluations": 1, "lbfgs_restart": False}
)
TRAINING = load_training_preset().changed(
    {"image_size": 32, "style_size": 64, "batch_size": 1, "width": 4, "blocks": 1, "steps": 100_000, "checkpoint_steps": 5}
)  # fmt: skip

SERVER = """
import signal, sys, threading
from tests.service.test_recovery import *

torch.set_num_threads(1)
over = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: over.set())
jobs = Jobs("cpu", LIMITS, store=Store(Path(sys.argv[1]), 500))
made = [jobs.start(PICTURES, recipe, f"visitor {n}") for n, recipe in enumerate([ADAM, LBFGS, ADAM, LBFGS])]
made.append(jobs.train(STYLE, None, TRAINING, "trainer", "Noise"))
made[0].control.change({"style_weight": 7.0})
while not over.wait(0.05):
    for job in made:
        job.touch()
    if made[2].frame and made[2].frame.evaluations > 3:
        made[2].control.pause()
    print(json.dumps({job.id: said(job) for job in made}), flush=True)
jobs.close(60, save=True)
print("closed", flush=True)
"""


def said(job: Job) -> dict[str, Any]:
    """What another process is told of a job."""
    frame, kept = job.frame, job.checkpoints.evaluations if job.checkpoints else []
    return {
        "evaluations": frame.evaluations if frame else 0,
        "seconds": frame.seconds if frame else 0.0,
        "state": job.state,
        "kept": kept[-1] if kept else 0,
        "interval": max(SAVE_EVERY, COST_RATIO * job.checkpoints.cost) if job.checkpoints else 0.0,
        "visitor": job.visitor,
        "error": job.error,
    }


@contextmanager
def server(root: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A server process, once every run has come some way, one of them is paused, and a training has a checkpoint."""
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(root)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            told = json.loads(line)
            assert not any(run["error"] for run in told.values()), told
            *runs, training = told.values()
            saved = all(run["kept"] > 3 for run in runs)
            if saved and training["evaluations"] > 10 and "paused" in [run["state"] for run in runs]:
                break
        yield process, told
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def last_told(process: subprocess.Popen[str], told: dict[str, Any]) -> dict[str, Any]:
    """What the process said last, once it has ended."""
    assert process.stdout is not None
    lines = [line for line in process.stdout if line.startswith("{") and line.endswith("}\n")]
    return json.loads(lines[-1]) if lines else told


def left_behind(root: Path) -> dict[str, dict[str, Any]]:
    """The newest snapshot of every run, by id."""
    found = {}
    for path in root.glob("server-*/run-*/meta.json"):
        snapshot = Checkpoints(RunFolder(path.parent).checkpoints, 10**9).newest()
        if snapshot is not None:
            found[json.loads(path.read_text())["id"]] = snapshot
    return found


@pytest.fixture
def spied(monkeypatch: pytest.MonkeyPatch) -> dict[object, list[torch.Tensor]]:
    """The parameters of every run that goes on from a snapshot, as it has taken them over, by its control."""
    seen: dict[object, list[torch.Tensor]] = {}

    class Spy(Run):
        def frames(self) -> Iterator[Any]:
            seen[self.control] = [parameter.detach().clone() for parameter in self.painting.canvas.parameters]
            return super().frames()

    monkeypatch.setattr(worker_module, "Run", Spy)
    return seen


def moved_on(job: Job, before: int) -> bool:
    """Whether a run has gone on from where it was, or rests again, or has ended."""
    return job.ended or job.state == "paused" or (job.frame is not None and job.frame.evaluations > before)


def check_recovered(
    root: Path, told: dict[str, Any], snapshots: dict[str, Any], spied: dict[object, list[torch.Tensor]]
) -> None:
    """A new server goes on with everything, from exactly the snapshots."""
    jobs = Jobs("cpu", LIMITS, store=Store(root, 500))
    try:
        found = {job.id: job for job in jobs.recover()}
        assert found.keys() == told.keys()
        for id, job in found.items():
            assert jobs.get(id) is job
            assert job.visitor == told[id]["visitor"]
            before = told[id]["kept"] if id in snapshots else 5
            until(lambda job=job, before=before: job.touch() or moved_on(job, before))  # type: ignore[misc]
            assert not job.ended, (job.state, job.error)
            assert job.frame is not None
            if training_of(job):
                assert job.frame.step > 5
                assert [point["step"] for point in job.curve][:5] == [1, 2, 3, 4, 5]
                continue
            snapshot = snapshots[id]
            reached = snapshot["numbers"]["evaluations"]
            assert all(map(torch.equal, spied[job.control], snapshot["parameters"]))
            assert [point["evaluations"] for point in job.curve][:reached] == list(range(1, reached + 1))
            assert [point["evaluations"] for point in job.reported.layers][:reached] == list(range(1, reached + 1))
            assert job.previews.frames[0].evaluation <= 1
            assert (job.state == "paused") == (told[id]["state"] == "paused")
            if told[id]["visitor"] == "visitor 0":
                assert ("style_weight", 7.0) in [(change["key"], change["value"]) for change in snapshot["journal"]]
    finally:
        jobs.close(30)
    assert list(root.glob("server-*")) == []


def test_killed_outright_all_runs_come_back_with_their_last_snapshot(
    hed: Weights, tmp_path: Path, spied: dict[object, list[torch.Tensor]]
) -> None:
    with server(tmp_path) as (process, told):
        time.sleep(SAVE_EVERY)
        process.send_signal(signal.SIGKILL)
        process.wait()
        told = last_told(process, told)
    snapshots = left_behind(tmp_path)
    assert len(snapshots) == 4
    for id, snapshot in snapshots.items():
        lost = told[id]["seconds"] - snapshot["numbers"]["seconds"]
        assert lost <= told[id]["interval"] + 2.0, "two seconds for the evaluation and the save that were going on"
        if told[id]["state"] == "paused":
            assert snapshot["numbers"]["evaluations"] == told[id]["evaluations"]
    check_recovered(tmp_path, told, snapshots, spied)


def test_asked_to_end_nothing_at_all_is_lost(
    hed: Weights, tmp_path: Path, spied: dict[object, list[torch.Tensor]]
) -> None:
    with server(tmp_path) as (process, told):
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        told = last_told(process, told)
    snapshots = left_behind(tmp_path)
    assert len(snapshots) == 4
    for id, snapshot in snapshots.items():
        assert snapshot["numbers"]["evaluations"] >= told[id]["evaluations"]
        assert snapshot["optimizer"] is not None
    check_recovered(tmp_path, told, snapshots, spied)


def watched(job: Job, reached: Callable[[], object]) -> None:
    """Wait until it has come so far, watching it all the while."""
    until(lambda: job.touch() or reached())


def test_a_branch_that_still_waits_comes_back_and_begins_where_it_left(hed: Weights, tmp_path: Path) -> None:
    limits = LIMITS.model_copy(update={"max_runs": 1})
    first = Jobs("cpu", limits, store=Store(tmp_path, 500))
    parent = first.start(PICTURES, ADAM, "ann")
    watched(parent, lambda: parent.checkpoints and parent.checkpoints.evaluations[-1:] > [3])
    wishes: dict[str, Any] = {"style_weight": 5.0, "iterations": parent.checkpoints.evaluations[-1] + 5}  # type: ignore[union-attr]
    branch = first.branch(parent, wishes["iterations"], wishes, "ann")
    assert branch.parent is not None
    left_at = branch.parent[1]
    assert left_at > 3
    watched(parent, lambda: list(tmp_path.glob(f"server-*/{branch.folder.path.name}/meta.json")))  # type: ignore[union-attr]
    assert branch.state == "waiting"
    first.close(30, save=True)
    second = Jobs("cpu", limits, store=Store(tmp_path, 500))
    try:
        assert [job.id for job in second.recover()] == [parent.id, branch.id]
        later_parent, later = second.get(parent.id), second.get(branch.id)
        assert later_parent is not None
        assert later is not None
        assert (later.parent, later.changes) == ((parent.id, left_at), wishes)
        later_parent.control.stop()
        watched(later, lambda: later.ended)
        assert later.result is not None, later.error
        journal = [(change.evaluation, change.key, change.value) for change in later.result.recipe.journal]
        assert journal == [(left_at, "style_weight", 5.0)]
        assert later.result.evaluations == wishes["iterations"]
        assert [point["evaluations"] for point in later.curve] == list(range(1, int(wishes["iterations"]) + 1))
        (*_, again) = Run(CONTENT, STYLE, later.result.recipe, Vgg(hed)).frames()
        assert again.picture is not None
        assert np.array_equal(again.picture, np.asarray(later.result.picture))
    finally:
        second.close(30)


def test_a_full_disk_is_said_once_and_the_picture_is_painted(hed: Weights, tmp_path: Path) -> None:
    jobs = Jobs("cpu", LIMITS, store=Store(tmp_path, 500))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))  # fails as a full disk does
    try:
        job = jobs.start(PICTURES, ADAM.changed({"iterations": 5}), "ann")
        watched(job, lambda: job.ended)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert job.state == "done", job.error
    assert sum("disk is full or read-only" in note for note in job.notes) == 1
    assert job.checkpoints is None
    jobs.close()
    assert list(tmp_path.glob("server-*")) == []


def test_the_oldest_ended_runs_give_way_when_the_disk_is_at_its_limit(hed: Weights, tmp_path: Path) -> None:
    jobs = Jobs("cpu", LIMITS, store=Store(tmp_path, 0.5))
    ended = []
    for visitor in ("ann", "ben", "cy", "dan", "eve"):
        job = jobs.start(PICTURES, ADAM.changed({"iterations": 2}), visitor)
        watched(job, lambda job=job: job.ended_at)  # type: ignore[misc]
        ended.append(job.checkpoints is not None)
        assert jobs.store is not None
        assert jobs.store.bytes <= 0.5 * 2**20
    assert ended[0]
    first, last = jobs.find("ann")[0], jobs.find("eve")[0]
    assert first.checkpoints is None
    assert last.checkpoints is not None
    assert first.result is not None
    jobs.close()
