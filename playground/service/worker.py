"""A run or a training from the queue to its end, in a thread of its own: it waits, paints, tells, keeps, and tidies up.

jobs.py begins one for every job. It knows neither pages nor who may start what: that was settled before.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Iterator
from functools import partial

import torch

from playground.engine.checkpoints import Checkpoints
from playground.engine.control import FileControl
from playground.engine.frames import Frame
from playground.engine.previews import Previews
from playground.engine.run import Run
from playground.errors import PlaygroundError
from playground.feedforward.photos import Photos
from playground.feedforward.training import Training
from playground.measure.estimate import observe_run
from playground.networks import catalogue
from playground.service.admission import Admission
from playground.service.deletion import Deletion
from playground.service.downloads import Downloads
from playground.service.faults import explain
from playground.service.job import Job
from playground.service.kept_frames import keep_frame, pictures_every
from playground.service.run_folder import RunFolder
from playground.service.scheduler import Scheduler
from playground.service.store import Store
from playground.service.threads import Threads
from playground.service.training_job import TrainingJob, training_of
from playground.service.zerogpu import LentGpu
from playground.system.files import DISK_FULL

LOOK_EVERY = 0.25  # seconds between two looks of a job that waits for a slot or a download

logger = logging.getLogger(__name__)


class Worker:
    """What works on all jobs of a server, each in a thread.

    Args:
        lock: over admission and what is known of all jobs; never held while a job's own lock is wanted.
        device: to paint on.
        scheduler: for turns that are on no run's account.
        lent: where runs are painted instead of in this process.

    Attributes:
        saving: the server ends, and jobs are left in the store for the next one.
    """

    def __init__(
        self,
        lock: threading.Lock,
        admission: Admission,
        downloads: Downloads,
        scheduler: Scheduler,
        threads: Threads,
        deletion: Deletion,
        *,
        device: str,
        store: Store | None,
        lent: LentGpu | None,
    ) -> None:
        self._lock, self._admission, self._downloads = lock, admission, downloads
        self._scheduler, self._threads, self._store, self._lent = scheduler, threads, store, lent
        self._deletion, self._device = deletion, device
        self.saving = False

    def begin(self, job: Job, photos: Photos | None = None, *, kept: bool = False) -> None:
        """Start to work on a job that has been taken in.

        Args:
            photos: of a training.
            kept: whether the store has it already.
        """
        if (training := training_of(job)) is not None:
            assert photos is not None
            frames = self._training_frames(training, photos)
        else:
            frames = self._lent_frames(job) if self._lent else self._frames(job)
        # The context carries the request that asked for the run, whose quota a lent GPU's time is charged to.
        self._threads.start(contextvars.copy_context().run, self._work, job, frames, kept)

    def checkpoints_in(self, folder: RunFolder) -> Checkpoints:
        """The checkpoints of a run that is kept there, as large as one run's may be."""
        limits = self._admission.limits
        megabytes = min(limits.checkpoints_mb, limits.disk_mb / limits.max_runs)
        return Checkpoints(folder.checkpoints, round(megabytes * 2**20), limits.save_every)

    # ---------------------------------------------------------------- from the queue to the end

    def _work(self, job: Job, frames: Iterator[Frame], kept: bool) -> None:
        """All of a job's life; everything that it held is released here."""
        trial: threading.Timer | None = None
        try:
            self._keep(job, kept)
            if self._wait_for_slot(job) and self._wait_for_network(job):
                trial = self._count_a_try(job)
                alone = job.counts_as_run and not self._lent
                for frame in frames:
                    job.store(frame)
                    if job.can_go_back and frame.picture is not None and frame.result is None:
                        job.previews.add(frame.picture, frame.evaluations, frame.seconds)
                        self._deletion.frames_written(keep_frame(job, frame, self._admission.limits.frames_mb))
                    alone = alone and len(self._admission.admitted) == 1
                    self._look_after(job)
                if alone and job.result is not None:
                    observe_run(job.result, self._device)
            if not job.ended:  # before it was painted, or because the server ends
                job.tell(state="stopped", place=0, wait_seconds=None, doing="")
        except Exception as error:
            job.tell(state="failed", place=0, wait_seconds=None, doing="", error=explain(error, job.name, job.recipe))
        finally:
            if trial is not None:
                trial.cancel()
            self._release(job)

    def _count_a_try(self, job: Job) -> threading.Timer | None:
        """Note in the store that a run has had the time to save a checkpoint, by a clock that its evaluation cannot hold.

        A run that is killed sooner, with its server, is not at fault.
        """
        if self._store is None or self._lent:
            return None
        others = len(self._admission.admitted)  # with whom it takes turns
        interval = job.recipe.checkpoint_seconds if training_of(job) else self._admission.limits.save_every
        trial = threading.Timer(interval * max(1, others), self._store.tried, (job.id,))
        trial.daemon = True
        trial.start()
        return trial

    def _keep(self, job: Job, kept: bool) -> None:
        """Put a job into the store, unless it comes from there; a disk that takes nothing is said."""
        if self._store is None or self._lent:
            return
        try:
            if not kept:
                job.folder = self._store.create(job.as_stored())
                self._store.update(job.id, **job.standing())  # what was told meanwhile
        except OSError as error:
            logger.warning("%s cannot be kept: %s", job.name, error, extra={"run": job.name})
            job.note(f"{DISK_FULL}: the picture goes on, but it cannot be gone back in")
        if job.folder is not None and job.can_go_back:
            job.previews, job.checkpoints = Previews(job.folder.previews), self.checkpoints_in(job.folder)

    def _wait_for_slot(self, job: Job) -> bool:
        """Wait for a slot; False when the run was stopped or abandoned before it got one. Trainings need not wait."""
        while True:
            with self._lock:
                gone = job.control.read().stopped or job.abandoned
                if gone:
                    self._admission.leave(job)
                admitted = job in self._admission.admitted
                place = self._admission.place_of(job)
                wait_seconds = self._admission.wait_of(job) if place else None
            if gone:
                return False
            if admitted:
                job.started_at = time.monotonic()
                return True
            job.tell(place=place, wait_seconds=wait_seconds)
            job.control.wait(LOOK_EVERY)

    def _wait_for_network(self, job: Job) -> bool:
        """Wait for a download that is going on; False when the run was stopped or abandoned meanwhile."""
        job.tell(state="loading", place=0, wait_seconds=None)
        download = self._downloads.get(job.recipe.network)
        while download and not download.over.wait(LOOK_EVERY):
            job.tell(doing=download.sentence)
            if job.control.read().stopped or job.abandoned:
                return False
        if download and download.error and not catalogue.is_available(job.recipe.network):
            raise PlaygroundError(str(download.error))  # a new one: a raised error holds on to this run's pictures
        job.tell(doing="Getting ready")
        return True

    def _look_after(self, job: Job) -> None:
        """End a job that nobody watches or that has had its time, and note in the store how it stands."""
        if not job.control.read().stopped:
            limit = job.seconds_allowed(self._admission.limits)
            if job.abandoned:
                job.control.stop()
                job.note("stopped because nobody was watching")
            elif limit is not None and job.started_at is not None and time.monotonic() - job.started_at > limit:
                job.control.stop()
                job.note(f"stopped after {limit / 60:.3g} minutes, the longest that a run may take here")
        if self._store:
            self._store.update(job.id, **job.standing())

    def _release(self, job: Job) -> None:
        """What is left to do when a job has ended, however it ended."""
        if isinstance(job.control, FileControl):
            job.control.remove()
        if self._store and not self.saving:
            self._store.end(job.id)
            self._deletion.sweep()
        logger.info("%s ended: %s", job.name, job.state, extra={"run": job.name, "state": job.state})
        job.ended_at = time.monotonic()
        with self._lock:
            self._admission.leave(job)
            self._deletion.forget_old(self._admission.limits)
        if self._device == "cuda" and not self._lent:
            torch.cuda.empty_cache()

    # ---------------------------------------------------------------- frames

    def _frames(self, job: Job) -> Iterator[Frame]:
        """The run in this process, taking turns with the others; from its newest checkpoint on, where it has one."""
        network = self._downloads.read(job.recipe.network)
        snapshot = job.checkpoints.newest() if job.checkpoints else None
        if snapshot is not None:
            job.reported.go_on_from(snapshot)
        if job.checkpoints is not None and job.checkpoints.damaged:
            job.note("the newest moment was damaged and is set aside: the run goes on from the one before")
        reached = job.checkpoints.evaluations[-1] if job.checkpoints and snapshot is not None else None
        content, styles = job.pictures.content, job.pictures.styles
        assert content is not None
        # Not on the run's own account: the first to use a network prepares it for all.
        begin = partial(Run, content, styles, job.recipe, network, job.control, snapshot, pictures_every(job))
        run = self._scheduler.ticket().do(begin)
        del snapshot, content, styles
        job.tell(doing="")
        for frame in run.frames():
            yield frame
            run.pictures_every = pictures_every(job)
            # In any case where it pauses or ends: people go back to there most.
            # And soon after it was taken up again: else a machine that dies often would never get on with it.
            fresh = reached is not None and frame.evaluations > reached
            self._keep_checkpoint(job, run, now=self.saving or fresh or frame.state != "running")
            reached = None if fresh else reached
            if self.saving:
                return

    def _keep_checkpoint(self, job: Job, run: Run, *, now: bool) -> None:
        if job.checkpoints is not None:
            trouble = (job.checkpoints.save if now else job.checkpoints.maybe_save)(run, **job.reported.beside)
            if trouble:
                job.note(trouble)
            else:
                self._deletion.sweep_when_due(self._admission.limits)

    def _lent_frames(self, job: Job) -> Iterator[Frame]:
        """The run in a process that holds a lent GPU."""
        assert self._lent is not None
        job.tell(doing="Waiting for a GPU")
        for frame in self._lent.frames(job.pictures, job.recipe, self._device, job.control):
            job.tell(doing="")
            yield frame

    def _training_frames(self, job: TrainingJob, photos: Photos) -> Iterator[Frame]:
        """The training in this process; what it has left is a model and nothing of the photographs."""
        network, folder = self._downloads.read(job.recipe.network), job.folder
        try:
            training = job.control.turn().do(
                partial(
                    Training, job.pictures.style, photos, job.recipe, network, folder.model, job.control,
                    title=job.title, resume=folder.training_state.exists(),
                )
            )  # fmt: skip
            job.reported.go_on_from({"curve": training.progress.curve.plain()})
            job.tell(doing="")
            yield from training.frames()
        finally:
            if not self.saving:
                folder.drop_photos()
