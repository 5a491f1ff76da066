"""Runs and trainings on behalf of people: this is what pages and the API call, and it knows who does the work.

`Jobs` is a facade: new_jobs.py makes a job, admission.py says who may begin, worker.py works on it, registry.py remembers
it, folders.py and store.py keep it on the disk; downloads.py and tasks.py have what is no job. It knows no page and no terminal.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from playground.engine.control import MemoryControl
from playground.engine.frames import Frame
from playground.errors import PlaygroundError
from playground.feedforward.photos import BUNDLED, Photos
from playground.images.pictures import Pictures
from playground.recipe.model import Recipe
from playground.recipe.training import TrainingRecipe
from playground.service.admission import Admission
from playground.service.classroom import Classroom
from playground.service.deletion import Deletion
from playground.service.downloads import Downloads
from playground.service.folders import Folders, GivenPhotos
from playground.service.job import Job
from playground.service.limits import Limits
from playground.service.new_jobs import NewJobs
from playground.service.one_process import prepare
from playground.service.overview import Overview, look_over
from playground.service.registry import Registry
from playground.service.run_choices import RunChoices
from playground.service.scheduler import Scheduler, Ticket
from playground.service.store import Store
from playground.service.tasks import Task, Tasks
from playground.service.threads import Threads
from playground.service.training_job import TrainingJob
from playground.service.worker import Worker
from playground.service.zerogpu import LentGpu
from playground.system.device import pick_device

PHOTOS_FRACTION = 1 / 2  # of the disk for runs, for photographs of trainings to come

logger = logging.getLogger(__name__)


class Jobs:
    """Every run of this server.

    Args:
        device: "auto", "cuda", "mps" or "cpu".
        limits: what people may ask of it.
        networks: files that may be named as a recipe's network beside the known ones; a visitor's own path never is.
        lent_gpu: `paint_elsewhere`, decorated to run in another process that holds a GPU; None to paint in this one.
        lent_seconds: how long one run may hold such a GPU.
        store: where runs outlive the server; None keeps nothing on the disk but trainings while they last.

    Raises:
        PlaygroundError: this machine has no such device.

    Attributes:
        downloads: the networks that a recipe may name here, read or fetched.
        deletion: of what has ended.
        choices: what is asked of a run and survives a restart.
        classroom: what the teacher of a class has asked of everybody.
        people: tokens of the open pages.
    """

    def __init__(
        self,
        device: str = "auto",
        limits: Limits = Limits(),  # noqa: B008 (frozen)
        *,
        networks: Iterable[str] = (),
        lent_gpu: Callable[..., Iterator[Frame | PlaygroundError]] | None = None,
        lent_seconds: float = 60.0,
        store: Store | None = None,
    ) -> None:
        self.device = pick_device(device)
        self.here = "cpu" if lent_gpu else self.device  # what this process itself may work on
        self.store = store
        self.lent = LentGpu(lent_gpu, lent_seconds) if lent_gpu else None
        self.downloads = Downloads(networks, self.device, read=lent_gpu is None)
        self.admission = Admission(limits, self.here, prepare(limits, self.here))
        self._lock = threading.Lock()  # over admission and registry; never held while a job's own lock is wanted
        self._folders = Folders(store, limits.disk_mb * PHOTOS_FRACTION)
        self._registry, self.scheduler, self.threads = Registry(), Scheduler(self.here), Threads()
        self.deletion = Deletion(self._registry, store, self._folders)
        self.tasks = Tasks(self.threads)
        self._worker = Worker(
            self._lock, self.admission, self.downloads, self.scheduler, self.threads,
            self.deletion, device=self.device, store=store, lent=self.lent,
        )  # fmt: skip
        self._new = NewJobs(self.admission, self.downloads, self.scheduler, self._worker, store=store, lent=self.lent)
        self.people, self.classroom, self.choices = set[str](), Classroom(), RunChoices(store)

    @property
    def limits(self) -> Limits:
        """What people may ask of this server."""
        return self.admission.limits

    @property
    def networks(self) -> tuple[str, ...]:
        """Every network that a recipe may name here."""
        return self.downloads.networks

    def start(
        self, pictures: Pictures, recipe: Recipe, visitor: str, *, replace: bool = False, teacher: bool = False,
        person: str = "", frames_every: int = 0,
    ) -> Job:  # fmt: skip
        """Start a run, or queue it.

        Args:
            pictures: clean RGB pictures, from `load_picture`.
            visitor: who finds it again; a secret.
            replace: where the person has as many runs going on as allowed, stop the oldest rather than refuse.
            teacher: it counts for several when turns on the device are given.
            person: on whose account it counts; by default the visitor's.
            frames_every: iterations from one picture that is kept for good to the next; 0 keeps none.

        Raises:
            Busy: the person has as many runs going on as allowed.
            PlaygroundError: the person has started too many in a minute, the pictures or the network cannot be used, a limit
                is exceeded, it would never fit into the memory, or the queue is full.
        """
        job = self._new.run(pictures, recipe, visitor, teacher=teacher, person=person, frames_every=frames_every)
        self._start(job, replace=replace)
        return job

    def branch(
        self, job: Job, evaluation: int, changes: Mapping[str, Any], visitor: str, *, replace: bool = False,
        teacher: bool = False, person: str = "",
    ) -> Job:  # fmt: skip
        """Go on from an earlier checkpoint of a run, as a run of its own with other live settings.

        Args:
            evaluation: from the nearest checkpoint at or before it.
            changes: live settings.
            visitor, replace, teacher, person: as for `start`; replaced is the run itself where it still goes on.

        Raises:
            Busy: the person has as many runs going on as allowed.
            PlaygroundError: there is no checkpoint to go on from, a setting cannot be changed, or as for `start`.
        """
        branch = self._new.branch(job, evaluation, changes, visitor, teacher=teacher, person=person)
        self._start(branch, replace=replace)
        return branch

    @contextmanager
    def starting(self, person: str, *, replace: bool = False) -> Iterator[None]:
        """Ask whether a person may start a run now, and count it as theirs while its pictures are read; raises as `start`."""
        with self._lock:
            self.admission.begins(person, self._registry.going_on(), replace=replace)
        try:
            yield
        finally:
            with self._lock:
                self.admission.begun(person)

    def _start(self, job: Job, photos: Photos | None = None, *, replace: bool = False) -> None:
        try:
            self.classroom.may_work(job.person)
            with self._lock:
                self.deletion.forget_old(self.limits)
                self.admission.enter(job, self._registry.going_on(), replace=replace)
                self._registry.add(job)
        except PlaygroundError:
            if job.parent is not None and job.folder is not None:  # made for the branch alone
                self._folders.drop(job.folder)
            raise
        self._worker.begin(job, photos)

    def take_photos(self, files: Sequence[str | Path]) -> GivenPhotos:
        """Keep photographs, files or zips of them, for a training to come; gone when the server ends.

        Raises:
            PlaygroundError: too many, too large together, or none that can be read; nothing is left behind.
            OSError: the disk takes no more; the same.
        """
        return self._folders.take_photos(files)

    def drop_photos(self, given: GivenPhotos) -> None:
        """Delete photographs, unless a training has taken them over."""
        if all(job.folder != given.folder for job in self.known()):
            self._folders.drop(given.folder)

    def train(
        self, style: Image.Image, given: GivenPhotos | None, recipe: TrainingRecipe, visitor: str, title: str, *,
        person: str = "",
    ) -> TrainingJob:  # fmt: skip
        """Start a training, which goes on until it is done or stopped, whether or not anybody watches.

        Args:
            style: clean RGB.
            given: what to train on, the training's own from now on; None for the photographs that come along.
            visitor: who finds it again; a secret.
            title: the style's name.
            person: on whose account it counts, by default the visitor's; one training a person.

        Raises:
            PlaygroundError: the network cannot be used, a limit is exceeded, the person already trains, or no more
                training fits.
        """
        if self.lent:
            raise PlaygroundError("This server borrows its GPU by the minute, too short for a training: run your own.")
        recipe = recipe.changed({"seconds": recipe.seconds or self.limits.training_seconds})
        with self._folders.for_training(given) as own:
            names = own.folder.photos.name if given else BUNDLED
            job = self._new.training(Pictures(None, (style,)), recipe, visitor, own.folder, title, names, person=person)
            self._start(job, own.photos)
        return job

    def task(self, person: str, work: Callable[[Task], None]) -> Task:
        """Let a thread of its own do a small work; it takes turns by `task.control`.

        Raises:
            PlaygroundError: the person's last task is not over, too many are under way, or the room is paused.
        """
        self.classroom.may_work(person)
        task = Task(person, MemoryControl(self.scheduler.ticket()), self.limits.grace_seconds)
        self.tasks.start(task, work, self.limits.max_runs)
        return task

    def turn(self) -> Ticket:
        """A turn for one piece of work on the device that is no job's, such as painting in one pass."""
        return self.scheduler.ticket()

    def busy(self) -> bool:
        """Whether anybody works on the device or waits for it."""
        return self.threads.alive > 0 or self.scheduler.busy

    def get(self, job_id: str) -> Job | None:
        """The job with this id while it is going on and for a while after; None otherwise."""
        with self._lock:
            self.deletion.forget_old(self.limits)
            return self._registry.get(job_id)

    def find(self, visitor: str) -> list[Job]:
        """A person's runs that go on or are still remembered, newest last."""
        with self._lock:
            self.deletion.forget_old(self.limits)
            return self._registry.runs_of(visitor)

    def known(self) -> list[Job]:
        """Every run and training that goes on or is still remembered, oldest first."""
        with self._lock:
            return list(self._registry)

    def going_on(self) -> list[Job]:
        """Every run and training that has not ended, oldest first."""
        with self._lock:
            return self._registry.going_on()

    def stop(self, name: str) -> bool:
        """Stop a run or a training by its public name, for whoever looks after the server; False if none goes on."""
        job = next((job for job in self.going_on() if job.name == name), None)
        if job is not None:
            job.note("stopped by whoever looks after this server")
            job.control.stop()
        return job is not None

    def overview(self) -> Overview:
        """How the server is; whoever asks from time to time makes it forget in time what has ended long ago."""
        with self._lock:
            self.deletion.forget_old(self.limits)
            return look_over(self.device, len(self.people), self.admission, self._registry)

    def recover(self) -> list[Job]:
        """Resume what an earlier server has left in the store; jobs whose network or limits are gone are dropped."""
        found = list[Job]()
        for job, photos in self._new.recovered():
            with self._lock:
                self._registry.add(job)
                self.admission.enter_again(job)
            self._worker.begin(job, photos, kept=True)
            found.append(job)
        if found:
            logger.info("%d runs of an earlier server go on", len(found))
        return found

    def close(self, timeout: float = 10.0, *, save: bool = False) -> None:
        """End every run and wait for the workers, at most `timeout` seconds.

        Args:
            save: leave the runs in the store as they stand, for the next server to go on with.
        """
        self._worker.saving = save and self.store is not None
        for job in self.going_on():
            job.control.stop()
        self.tasks.stop()
        self.threads.join(timeout)
        for rest in (self.lent, self._folders, self.store):
            if rest is not None:
                rest.close()
