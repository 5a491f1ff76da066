"""How a job is made: what is checked before it may queue, and what it is given: a name, a control, a folder.

jobs.py takes in what comes from here. It knows neither the queue nor threads; a job that is refused leaves nothing behind.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from playground.engine.checkpoints import branched
from playground.engine.control import MemoryControl
from playground.engine.run import check_pictures
from playground.errors import PlaygroundError
from playground.feedforward.photos import BUNDLED, Photos
from playground.images.pictures import Pictures
from playground.recipe.model import Recipe
from playground.recipe.training import TrainingRecipe
from playground.service.admission import Admission
from playground.service.downloads import Downloads
from playground.service.job import Job
from playground.service.run_folder import RunFolder
from playground.service.scheduler import Scheduler
from playground.service.store import Store
from playground.service.stored import Stored
from playground.service.training_job import TrainingJob
from playground.service.worker import Worker
from playground.service.zerogpu import LentGpu
from playground.system.files import DISK_FULL

logger = logging.getLogger(__name__)


class NewJobs:
    """Makes the jobs of a server.

    Args:
        admission: says what a job would take, and has the limits.
        lent: where runs are painted instead of in this process.
    """

    def __init__(
        self,
        admission: Admission,
        downloads: Downloads,
        scheduler: Scheduler,
        worker: Worker,
        *,
        store: Store | None,
        lent: LentGpu | None,
    ) -> None:
        self._admission, self._downloads, self._scheduler, self._worker = admission, downloads, scheduler, worker
        self._store, self._lent = store, lent
        self._numbers = itertools.count(1)

    def run(self, pictures: Pictures, recipe: Recipe, visitor: str, *, teacher: bool = False, **more: Any) -> Job:
        """A run that is not queued yet, with what it is expected to take.

        Args:
            more: as `Job` takes it.

        Raises:
            PlaygroundError: it cannot be painted here, or would not even fit alone.
        """
        limits = self._admission.limits
        if pictures.content is None:
            raise PlaygroundError("The content picture is missing: choose one.")
        check_pictures(pictures.content, recipe.size, recipe.crop)
        recipe = self._downloads.checked(recipe)
        limits.check(recipe)
        weight, name = limits.teacher_weight if teacher else 1.0, f"run {next(self._numbers)}"
        control = MemoryControl(self._scheduler.ticket(weight))
        job = Job(pictures, recipe, visitor, control, limits.grace_seconds, name=name, weight=weight, **more)
        if self._lent:
            job.control = self._lent.control(job.id)
        else:
            self._admission.expect(job)
        return job

    def branch(
        self, job: Job, evaluation: int, changes: Mapping[str, Any], visitor: str, *, teacher: bool = False,
        person: str = "",
    ) -> Job:  # fmt: skip
        """A run that goes on from another one's checkpoint, in a folder of its own.

        Raises:
            PlaygroundError: there is no checkpoint to go on from, a setting cannot be changed, or as for `run`.
        """
        if job.checkpoints is None or self._store is None:
            raise PlaygroundError("This run keeps no moments to go back to: start a new run instead.")
        try:
            folder = self._store.new_folder()
        except OSError:
            raise PlaygroundError(f"{DISK_FULL}: nothing can branch off now.") from None
        try:
            left_at = job.checkpoints.branch(evaluation, folder.checkpoints)
            recipe = branched(self._worker.checkpoints_in(folder).load(left_at), changes)
            job.previews.branch(left_at, folder.previews)
            branch = self.run(
                job.pictures, recipe, visitor, teacher=teacher, folder=folder, parent=(job.id, left_at), changes=changes,
                colours=job.colours, person=person, frames_every=job.frames_every,
            )  # fmt: skip
        except PlaygroundError:
            self._store.drop(folder)
            raise
        branch.control.change(changes)
        return branch

    def training(
        self, pictures: Pictures, recipe: TrainingRecipe, visitor: str, folder: RunFolder, title: str, photos: str,
        *, id: str | None = None, person: str = "",
    ) -> TrainingJob:  # fmt: skip
        """A training that is not admitted yet, with what it is expected to take.

        Args:
            photos: the name of the folder with its photographs, or `BUNDLED`.

        Raises:
            PlaygroundError: it cannot be trained here, or would not even fit alone.
        """
        recipe = self._downloads.checked(recipe)
        self._admission.limits.check(recipe)
        control, name = MemoryControl(self._scheduler.ticket()), f"training {next(self._numbers)}"
        job = TrainingJob(pictures, recipe, visitor, control, folder, title, photos, name=name, id=id, person=person)
        self._admission.expect(job)
        return job

    def recovered(self) -> Iterator[tuple[Job, Photos | None]]:
        """What an earlier server has left, with a training's photographs; what cannot go on here is set aside."""
        for stored in self._store.adopt() if self._store else []:
            try:
                job, photos = self._again(stored)
            except PlaygroundError as error:
                logger.warning("a run that an earlier server has left cannot go on: %s", error)
                assert self._store
                self._store.give_up(stored.id, str(error))
            else:
                yield job, photos

    def _again(self, stored: Stored) -> tuple[Job, Photos | None]:
        folder, recipe, photos = stored.folder, stored.recipe, None
        assert folder is not None
        job: Job
        if isinstance(recipe, TrainingRecipe):
            job = self.training(
                stored.pictures, recipe, stored.visitor, folder, stored.title, stored.photos, id=stored.id,
                person=stored.person,
            )  # fmt: skip
            photos = Photos(BUNDLED if stored.photos == BUNDLED else folder.path / stored.photos)
        else:
            job = self.run(
                stored.pictures, recipe, stored.visitor, id=stored.id, folder=folder, parent=stored.parent,
                changes=stored.changes, colours=stored.colours, person=stored.person, frames_every=stored.frames_every,
            )  # fmt: skip
        job.notes, job.pinned = [*stored.notes], stored.pinned
        job.control.change(stored.settings)
        if stored.paused:
            job.control.pause()
        return job, photos
