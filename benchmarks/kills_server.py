"""What kills.py kills: a server with a run, its branches, a training and an upload, that says on stdout how each stands.

`python -m benchmarks.kills_server FOLDER`. It goes on with whatever the server before it has left, as app.py does, and
begins what is missing. Nothing here ends by itself.
"""

from __future__ import annotations

import io
import itertools
import json
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from playground.engine.checkpoints import COST_RATIO
from playground.errors import PlaygroundError
from playground.images.pictures import Pictures
from playground.recipe.model import Recipe
from playground.recipe.presets import load_training_preset
from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.service.store import Store
from playground.service.training_job import training_of
from playground.system.scratch import Scratch, sweep

SAVE_EVERY, TELL_EVERY, BRANCHES = 1.0, 0.02, 2
PREFIX = "kills-uploads-"
LIMITS = Limits(max_runs=8, runs_each=8, save_every=SAVE_EVERY, grace_seconds=600, starts_each=1000)
RUN = Recipe(size=64, smallest=48, iterations=100_000, scales=1, optimizer="adam", learning_rate=0.02)
TRAINING = load_training_preset().changed(
    {"image_size": 32, "style_size": 64, "batch_size": 1, "width": 4, "blocks": 1, "steps": 100_000, "checkpoint_steps": 5}
)  # fmt: skip


def picture(seed: int) -> Image.Image:
    """A noise that no checkpoint of another run could be taken for."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (48, 64, 3), dtype=np.uint8))


def said(job: Job) -> dict[str, Any]:
    """How a job stands, as plain data."""
    frame, kept = job.frame, job.checkpoints.evaluations if job.checkpoints else []
    cost = job.checkpoints.cost if job.checkpoints else 0.0
    return {
        "training": training_of(job) is not None,
        "evaluations": frame.evaluations if frame else 0,
        "seconds": frame.seconds if frame else 0.0,
        "kept": kept[-1] if kept else 0,
        "interval": max(SAVE_EVERY, COST_RATIO * cost),
        "state": job.state,
        "stored": job.folder is not None and job.folder.meta.exists(),
        "damaged": job.checkpoints.damaged if job.checkpoints else 0,
        "error": job.error,
    }


def upload(jobs: Jobs, scratch: Scratch) -> None:
    """Photographs arrive, are laid out, and are dropped again, for ever."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(30):
            data = io.BytesIO()
            picture(number).save(data, "PNG")
            archive.writestr(f"{number}.png", data.getvalue())
    for number in itertools.count():
        path = scratch.folder("files") / f"{number}.zip"
        path.write_bytes(packed.getvalue())
        given = jobs.take_photos([path])
        time.sleep(0.02)
        jobs.drop_photos(given)
        path.unlink()


def begin(jobs: Jobs) -> None:
    """Start what nobody has left: one run, one training."""
    known = jobs.going_on()
    if not any(training_of(job) for job in known):
        jobs.train(picture(1), None, TRAINING, "trainer", "Noise")
    if all(training_of(job) for job in known):
        jobs.start(Pictures(picture(2), (picture(3),)), RUN, "painter")


def steer(jobs: Jobs, turn: int) -> None:
    """Change a setting of every run now and then, and branch off while there are few."""
    runs = [job for job in jobs.going_on() if not training_of(job)]
    for job in runs:
        if turn % 50 == 0:
            job.control.change({"style_weight": 1.0 + turn % 7})
    oldest = runs[0] if runs else None
    if turn % 40 == 20 and oldest and len(runs) <= BRANCHES and oldest.checkpoints and oldest.checkpoints.evaluations:
        jobs.branch(oldest, oldest.checkpoints.evaluations[-1], {"content_weight": 2.0}, "painter")


def main(folder: Path) -> None:
    """Go on, begin, and tell, until somebody kills it."""
    torch.set_num_threads(1)
    tempfile.tempdir = str(folder)
    swept, scratch = sweep(PREFIX), Scratch(PREFIX)
    store = Store(folder / "runs", 500)
    jobs = Jobs("cpu", LIMITS, store=store)
    found = {job.id: said(job) | {"began_at": reached(job)} for job in jobs.recover()}
    strays = sum(
        not (run / "meta.json").exists() for run in store.folder.glob("run-*")
    )  # of uploads that were going on
    print(json.dumps({"recovered": found, "swept": swept, "strays": strays}), flush=True)
    begin(jobs)
    threading.Thread(target=upload, args=(jobs, scratch), daemon=True).start()
    for turn in itertools.count():
        for job in jobs.going_on():
            job.touch()
        try:
            steer(jobs, turn)
        except PlaygroundError as error:
            print(json.dumps({"refused": str(error)}), flush=True)
        print(json.dumps({"jobs": {job.id: said(job) for job in jobs.known()}}), flush=True)
        time.sleep(TELL_EVERY)


def reached(job: Job) -> int:
    """The step or evaluation that a job goes on from, once it has read where that is."""
    while not job.ended and job.frame is None:
        job.touch()
        time.sleep(0.005)
    return job.frame.evaluations if job.frame else 0


if __name__ == "__main__":
    main(Path(sys.argv[1]))
