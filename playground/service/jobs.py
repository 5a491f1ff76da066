"""Runs on behalf of people: who may start one, whose turn it is, what is known about each, and when it is forgotten.

A job's worker thread iterates the run and stores the latest state. Trainings are jobs that go on unwatched, tasks are
smaller works. web/ starts, watches and steers them; its server makes the one `Jobs`.
"""

from __future__ import annotations

import contextvars
import itertools
import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from playground.engine.checkpoints import Checkpoints, branched, bytes_written
from playground.engine.control import FileControl, MemoryControl
from playground.engine.frames import Frame
from playground.engine.previews import Previews
from playground.engine.run import Run, check_pictures
from playground.errors import PlaygroundError
from playground.feedforward.photos import BUNDLED, Photos
from playground.feedforward.training import Paths, Training
from playground.images.convert import resize_picture
from playground.measure.estimate import estimate, observe_run
from playground.measure.memory import BASE_MB, memory_of, too_large
from playground.networks import catalogue, fetch
from playground.networks.vgg import Vgg, load_network
from playground.recipe.model import DEFAULT_NETWORK, Recipe
from playground.recipe.training import TrainingRecipe
from playground.service.job import Download, Job, Task, TrainingJob, explain
from playground.service.limits import Limits
from playground.service.scheduler import Load, Scheduler, Ticket, expected_waits
from playground.service.store import Store, Stored
from playground.service.zerogpu import GPU_START_SECONDS, megapixels_judged
from playground.system.device import pick_device, return_large_blocks, share_one_heap, take_short_turns
from playground.system.memory import free_megabytes, held_megabytes

LOOK_EVERY = 0.25  # seconds between two looks of a job that waits for a seat or a download
WAITS_EVERY = 1.0  # seconds between two estimates of how long the queue will last
KEEP = 50  # ended jobs that are remembered
KEEP_PICTURES_MB = 512.0  # of the pictures that ended jobs were given
WAITING_SHARE = 0.25  # of the memory, for the pictures of runs that wait
MEMORY_SHARE = 0.8  # of what is free when the server starts
MAX_UNTHRIFTY_RUNS = 4  # with more, memory counts for more than the twentieth of speed that thrift costs
SWEEP_SHARE = 0.02  # of the disk's limit may be written until it is looked at again, which takes time with many runs
BRANCHES = 4  # of one run that are remembered
DISK_FULL = "the server's disk is full or read-only"
BYTES_A_PIXEL = 4  # of a PIL picture

logger = logging.getLogger(__name__)


class Busy(PlaygroundError):  # noqa: N818 (an offer rather than a fault)
    """A person has as many runs going on as they may; a new one could replace the oldest."""


@dataclass(frozen=True)
class Overview:
    """How a server is, for everybody to see: numbers only.

    Attributes:
        device: "cuda", "mps" or "cpu".
        people: open pages.
        runs: that are painted, `paused` ones among them.
        waiting: runs without a seat.
        memory_mb: that this process holds now, on an accelerator of its memory; None where it is unknown.
        memory_limit_mb: that runs are admitted up to.
    """

    device: str
    people: int
    runs: int
    paused: int
    waiting: int
    trainings: int
    memory_mb: float | None
    memory_limit_mb: float | None


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
        self.limits, self.store = limits, store
        share_one_heap()
        take_short_turns()
        if limits.max_runs > MAX_UNTHRIFTY_RUNS:
            return_large_blocks()
        free = free_megabytes(self.here)
        self.memory_limit_mb = limits.memory_mb or (MEMORY_SHARE * free if free is not None else None)
        self.networks = (*catalogue.NETWORKS, *networks)
        self.lent_gpu, self.lent_seconds = lent_gpu, lent_seconds
        self.downloads: dict[str, Download] = {}
        self._scheduler, self._reading = Scheduler(), threading.Lock()
        self._lock = threading.Lock()  # over the collections below; never held while a job's own lock is wanted
        self._jobs: dict[str, Job] = {}  # oldest first
        self._waiting: list[Job] = []
        self._seated: set[Job] = set()
        self._tasks: list[Task] = []
        self._workers: set[threading.Thread] = set()
        self._people: set[str] = set()
        self._numbers = itertools.count(1)
        self._waits: tuple[float, dict[Job, float | None]] = (0.0, {})  # when they were estimated, and what came out
        self._swept_at = 0  # what the checkpoints had written when the disk was looked at
        self._saving = False  # the server ends, and runs are left in the store for the next one
        self._pace: float | None = None  # seconds of a lent GPU per megapixel judged, the slowest seen
        self._orders = Path(tempfile.mkdtemp(prefix="playground-orders-")) if lent_gpu else None
        self._folders = Path(tempfile.mkdtemp(prefix="playground-trainings-"))

    # ---------------------------------------------------------------- for pages and the API

    def start(
        self,
        content: Image.Image,
        style: Image.Image,
        recipe: Recipe,
        visitor: str,
        *,
        replace: bool = False,
        teacher: bool = False,
    ) -> Job:
        """Start a run, or queue it.

        Args:
            content, style: clean RGB pictures, from `load_picture`.
            recipe: the settings.
            visitor: who it belongs to.
            replace: where the visitor has as many runs going on as allowed, stop the oldest rather than refuse.
            teacher: it counts for several shares of the device.

        Raises:
            Busy: the visitor has as many runs going on as allowed.
            PlaygroundError: the pictures or the network cannot be used, a limit is exceeded, it would never fit into
                the memory, or the queue is full.
        """
        return self._start(self._new_job(content, style, recipe, visitor, teacher=teacher), replace)

    def branch(
        self,
        job: Job,
        evaluation: int,
        changes: Mapping[str, Any],
        visitor: str,
        *,
        replace: bool = False,
        teacher: bool = False,
    ) -> Job:
        """Go on from an earlier moment of a run, as a run of its own with other live settings.

        Args:
            evaluation: from the nearest moment at or before it.
            changes: live settings.
            visitor, replace, teacher: as for `start`; replaced is the run itself where it still goes on.

        Raises:
            Busy: the visitor has as many runs going on as allowed.
            PlaygroundError: there is no moment to go on from, a setting cannot be changed, or as for `start`.
        """
        content = job.content
        if job.checkpoints is None or content is None or self.store is None:
            raise PlaygroundError("This run keeps no checkpoints to go back to: start a new run instead.")
        try:
            folder = self.store.new_folder()
        except OSError:
            raise PlaygroundError(f"{DISK_FULL}: nothing can branch off now.") from None
        try:
            left_at = job.checkpoints.branch(evaluation, folder / "moments")
            snapshot = self._checkpoints_in(folder).load(left_at)
            job.previews.branch(left_at, folder / "film")
            branch = self._new_job(
                content, job.style, branched(snapshot, changes), visitor, teacher=teacher, folder=folder,
                parent=(job.id, left_at), changes=changes,
            )  # fmt: skip
            branch.control.change(changes)
            self._start(branch, replace)
        except PlaygroundError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        job.branches = [*job.branches, branch.id][-BRANCHES:]
        return branch

    def find(self, visitor: str) -> list[Job]:
        """A person's runs that go on or are still remembered, newest last."""
        with self._lock:
            self._forget_old()
            return [job for job in self._jobs.values() if job.visitor == visitor and not isinstance(job, TrainingJob)]

    def going_on(self) -> list[Job]:
        """Every run and training that has not ended, oldest first."""
        with self._lock:
            return self._going_on()

    def stop(self, name: str) -> bool:
        """Stop a run or a training by its public name, for whoever looks after the server; False if none goes on."""
        job = next((job for job in self.going_on() if job.name == name), None)
        if job is not None:
            job.note("stopped by whoever looks after this server")
            job.control.stop()
        return job is not None

    def people_here(self, token: str) -> None:
        """A page is open."""
        with self._lock:
            self._people.add(token)

    def people_gone(self, token: str) -> None:
        """A page was closed."""
        with self._lock:
            self._people.discard(token)

    def keep_colours(self, job: Job, wanted: bool) -> None:
        """Show and save a run with the content's own colours, or without."""
        job.original_colours = wanted

    def overview(self) -> Overview:
        """How the server is."""
        with self._lock:
            runs = [job for job in self._seated if not isinstance(job, TrainingJob)]
            return Overview(
                device=self.device,
                people=len(self._people),
                runs=len(runs),
                paused=sum(job.state == "paused" for job in runs),
                waiting=len(self._waiting),
                trainings=sum(isinstance(job, TrainingJob) for job in self._going_on()),
                memory_mb=held_megabytes(self.here),
                memory_limit_mb=self.memory_limit_mb,
            )

    def new_folder(self) -> Path:
        """An empty folder for a training's photographs, in `photos`, and its files; gone when the server ends."""
        folder = None
        if self.store:
            with suppress(OSError):
                folder = self.store.new_folder()
        folder = folder or Path(tempfile.mkdtemp(dir=self._folders))
        (folder / "photos").mkdir()
        return folder

    def drop_folder(self, folder: Path) -> None:
        """Delete such a folder, unless a training has taken it over."""
        with self._lock:
            taken = any(isinstance(job, TrainingJob) and job.folder == folder for job in self._jobs.values())
        if not taken and folder.parent in (self._folders, self.store and self.store.folder):
            shutil.rmtree(folder, ignore_errors=True)

    def train(
        self, style: Image.Image, photos: Photos, recipe: TrainingRecipe, visitor: str, folder: Path, title: str
    ) -> TrainingJob:
        """Start a training, which goes on until it is done or stopped, whether or not anybody watches.

        Args:
            style: clean RGB.
            photos: what to train on.
            visitor: who it belongs to; one training a visitor.
            folder: from `new_folder`; the training's own from now on.
            title: the style's name.

        Raises:
            PlaygroundError: the network cannot be used, a limit is exceeded, the visitor already trains, or no more
                training fits.
        """
        if self.lent_gpu:
            raise PlaygroundError("This server borrows its GPU by the minute, too short for a training: run your own.")
        self._check_network(recipe.network)
        self.limits.check(recipe)
        recipe = recipe.changed({"seconds": recipe.seconds or self.limits.training_seconds})
        control, name = MemoryControl(self._scheduler.ticket()), f"training {next(self._numbers)}"
        names = BUNDLED if photos.folder == BUNDLED else Path(photos.folder).name
        job = TrainingJob(style, recipe, visitor, control, folder, title, names, name=name)
        self._expect(job)
        with self._lock:
            self._forget_old()
            going_on = [old for old in self._going_on() if isinstance(old, TrainingJob)]
            if any(old.visitor == visitor for old in going_on):
                raise PlaygroundError("You already have a training going on: stop it first.")
            if len(going_on) >= self.limits.max_trainings:
                raise PlaygroundError(f"{len(going_on)} trainings go on here already, no more fit: try again later.")
            if not self._fits([*self._seated, job]):
                raise PlaygroundError(
                    "The memory of this machine is taken: try again later, or with a smaller batch size or crop size."
                )
            self._seated.add(job)
            self._jobs[job.id] = job
        self._begin_training(job, photos)
        return job

    def task(self, visitor: str, work: Callable[[Task], None]) -> Task:
        """Let a thread of its own do a small work; it takes turns by `task.control`.

        Raises:
            PlaygroundError: the visitor's last task is not over, or too many are under way.
        """
        task = Task(visitor, MemoryControl(self._scheduler.ticket()), self.limits.grace_seconds)
        with self._lock:
            self._tasks = [other for other in self._tasks if not other.over.is_set()]
            if any(other.visitor == visitor for other in self._tasks):
                raise PlaygroundError("What you asked for before is still under way: stop it, or wait for its end.")
            if len(self._tasks) >= self.limits.max_runs:
                raise PlaygroundError("Too many people have asked for the like just now: try again in a minute.")
            self._tasks.append(task)
        self._start_worker(self._run_task, task, work)
        return task

    def turn(self) -> Ticket:
        """A turn for one piece of work on the device that is no job's, such as painting in one pass."""
        return self._scheduler.ticket()

    def network(self, name: str) -> Vgg:
        """A network of this server for work in this process, read once.

        Raises:
            PlaygroundError: it is not on this machine, or not yet.
        """
        self._check_network(name)
        if not catalogue.is_available(name):
            raise PlaygroundError(f"The network {name} is still on its way here: try again when it has arrived.")
        return self._network(name)

    def get(self, job_id: str) -> Job | None:
        """The job with this id while it is going on and for a while after; None otherwise."""
        with self._lock:
            self._forget_old()
            return self._jobs.get(job_id)

    def fetch(self, network: str) -> Download:
        """Fetch a network in the background, if need be, and read it, so that the first run need not.

        Everybody who asks while it is going on gets the same download.
        """
        with self._lock:
            download = self.downloads.get(network)
            if download is None or download.over.is_set():
                download = self.downloads[network] = Download(network)
                threading.Thread(target=self._fetch, args=(download,), name=f"fetch {network}", daemon=True).start()
            return download

    def recover(self) -> list[Job]:
        """Take up what an earlier server has left in the store; those whose network or limits are gone are dropped."""
        found: list[Job] = []
        for stored in self.store.adopt() if self.store else []:
            try:
                found.append(self._take_up(stored))
            except PlaygroundError as error:
                logger.warning("a run that an earlier server has left cannot go on: %s", error)
                assert self.store
                self.store.remove(stored.id)
        if found:
            logger.info("%d runs of an earlier server go on", len(found))
        return found

    def close(self, timeout: float = 10.0, *, save: bool = False) -> None:
        """End every run and wait for the workers, at most `timeout` seconds.

        Args:
            save: leave the runs in the store as they stand, for the next server to go on with.
        """
        with self._lock:
            self._saving = save and self.store is not None
            controls = [job.control for job in self._going_on()] + [task.control for task in self._tasks]
            workers = list(self._workers)
        for control in controls:
            control.stop()
        deadline = time.monotonic() + timeout
        for worker in workers:
            worker.join(max(0.0, deadline - time.monotonic()))
        for folder in (self._orders, self._folders):
            if folder:
                shutil.rmtree(folder, ignore_errors=True)
        if self.store:
            self.store.close()

    # ---------------------------------------------------------------- before a run

    def _new_job(
        self,
        content: Image.Image,
        style: Image.Image,
        recipe: Recipe,
        visitor: str,
        *,
        teacher: bool = False,
        **more: Any,
    ) -> Job:
        """A run that is not queued yet, with what it is expected to take.

        Raises:
            PlaygroundError: it cannot be painted here, or would not even fit alone.
        """
        check_pictures(content, recipe.size)
        self._check_network(recipe.network)
        self.limits.check(recipe)
        weight, name = self.limits.teacher_weight if teacher else 1.0, f"run {next(self._numbers)}"
        control = MemoryControl(self._scheduler.ticket(weight))
        job = Job(content, style, recipe, visitor, control, self.limits.grace_seconds, name=name, weight=weight, **more)
        if self._orders:
            job.control = FileControl(self._orders / job.id)
        else:
            self._expect(job)
        return job

    def _start(self, job: Job, replace: bool) -> Job:
        """Queue a run and let it begin, in place of others of its visitor's where they are too many.

        Raises:
            Busy: there are too many, and they are not to be replaced.
            PlaygroundError: the queue is full.
        """
        with self._lock:
            self._forget_old()
            theirs = [
                old
                for old in self._going_on()
                if old.visitor == job.visitor and not isinstance(old, TrainingJob) and not old.control.read().stopped
            ]
            theirs.sort(key=lambda old: job.parent is None or old.id != job.parent[0])  # a branch replaces its parent
            too_many = theirs[: max(0, len(theirs) + 1 - self.limits.runs_each)]
            if too_many and not replace:
                have = "a run" if self.limits.runs_each == 1 else f"{len(theirs)} runs"
                raise Busy(f"You already have {have} going on: stop one first, or replace it.")
            self._queue(job, instead_of=too_many)
        self._begin(job)
        return job

    def _expect(self, job: Job) -> None:
        """Work out what a run or training is likely to take.

        Raises:
            PlaygroundError: it would not even fit alone.
        """
        sizes = (job.content or job.style).size, job.style.size
        job.memory = memory_of(job.recipe, *sizes, self.here)
        if not isinstance(job, TrainingJob):
            job.cost = estimate(job.recipe, *sizes, device=self.here)
        if self._fits([job]):
            return
        assert self.memory_limit_mb is not None
        if isinstance(job, TrainingJob):
            crops = f"{job.recipe.batch_size} crops of {job.recipe.image_size} px"  # type: ignore[attr-defined]
            raise PlaygroundError(f"{crops} at once do not fit into the memory: set a smaller batch size or crop size.")
        raise PlaygroundError(
            too_large(job.recipe, *sizes, self.memory_limit_mb - _pictures_mb(job), self.here)
            or "These pictures are too large for the memory of this server: scale them down."
        )

    def _check_network(self, network: str) -> None:
        if network not in self.networks:
            raise PlaygroundError(f"This server paints with {', '.join(self.networks)} only, not with {network!r}.")
        if catalogue.is_available(network):
            return
        if network == DEFAULT_NETWORK:
            self.fetch(network)  # the run waits for it
        elif network not in self.downloads or self.downloads[network].over.is_set():
            hint = next((line.hint for line in catalogue.status() if line.name == network), "")
            raise PlaygroundError(hint or f"The network {network} is not on this machine.")

    def _begin(self, job: Job, *, kept: bool = False) -> None:
        """Start the worker of a queued run.

        Args:
            kept: whether the store has it already.
        """
        frames = self._lent_frames(job) if self.lent_gpu else self._frames(job)
        # The context carries the request that asked for the run, whose quota a lent GPU's time is charged to.
        self._start_worker(contextvars.copy_context().run, self._work, job, frames, kept)

    def _begin_training(self, job: TrainingJob, photos: Photos, *, kept: bool = False) -> None:
        self._start_worker(self._work, job, self._training_frames(job, photos), kept)

    def _take_up(self, stored: Stored) -> Job:
        """Go on with a run or training that an earlier server has left.

        Raises:
            PlaygroundError: its network or its photographs are gone, or it is beyond this server's limits.
        """
        assert stored.folder is not None
        job: Job
        if isinstance(stored.recipe, TrainingRecipe):
            self._check_network(stored.recipe.network)
            self.limits.check(stored.recipe)
            control, name = MemoryControl(self._scheduler.ticket()), f"training {next(self._numbers)}"
            job = TrainingJob(
                stored.style, stored.recipe, stored.visitor, control, stored.folder, stored.title, stored.photos,
                name=name, id=stored.id,
            )  # fmt: skip
            self._expect(job)
            photos = Photos(BUNDLED if stored.photos == BUNDLED else stored.folder / stored.photos)
        else:
            assert stored.content is not None
            job = self._new_job(
                stored.content, stored.style, stored.recipe, stored.visitor, id=stored.id, folder=stored.folder,
                parent=stored.parent, changes=stored.changes,
            )  # fmt: skip
        job.notes = [*stored.notes]
        job.control.change(stored.settings)
        if stored.paused:
            job.control.pause()
        with self._lock:
            self._jobs[job.id] = job
            if isinstance(job, TrainingJob):
                self._seated.add(job)
            else:  # whatever the limit of the queue: it had its place before
                self._waiting.append(job)
                self._admit()
        if isinstance(job, TrainingJob):
            self._begin_training(job, photos, kept=True)
        else:
            self._begin(job, kept=True)
        return job

    # ---------------------------------------------------------------- the queue; all of this with the lock held

    def _going_on(self) -> list[Job]:
        """Jobs that have not ended."""
        return [job for job in self._jobs.values() if not job.ended]

    def _queue(self, job: Job, instead_of: Collection[Job]) -> None:
        """Take a run in, and stop those that it replaces.

        Raises:
            PlaygroundError: too many wait already; then nothing is stopped.
        """
        waiting = [old for old in self._waiting if old not in instead_of]
        pictures = sum(map(_pictures_mb, [*waiting, job]))
        limit = self.memory_limit_mb
        if waiting and limit is not None and pictures > WAITING_SHARE * limit:
            raise PlaygroundError(
                "Too many large pictures are waiting: try again in a few minutes, or scale yours down."
            )
        before, self._waiting = self._waiting, [*waiting, job]
        self._admit()
        if job in self._waiting and len(self._waiting) > self.limits.max_waiting:
            self._waiting = before
            self._admit()
            raise PlaygroundError(f"{self.limits.max_waiting} runs are waiting already: try again in a few minutes.")
        for old in instead_of:
            old.control.stop()
        if job in self._waiting:
            job.place = self._waiting.index(job) + 1
        self._jobs[job.id] = job

    def _admit(self) -> None:
        """Give seats to those who wait, strictly in order: a small run that overtook large ones would starve them."""
        while self._waiting and self._has_room(self._seated, self._waiting[0]):
            self._seated.add(self._waiting.pop(0))

    def _has_room(self, seated: Collection[Job], job: Job) -> bool:
        """Whether a run may be painted beside others."""
        runs = sum(not isinstance(other, TrainingJob) for other in seated)
        return runs < self.limits.max_runs and self._fits([*seated, job])

    def _fits(self, jobs: Collection[Job]) -> bool:
        """Whether some jobs fit into the memory together: what each holds, and the largest evaluation of any."""
        known = [(job, job.memory) for job in jobs if job.memory is not None]
        if self.memory_limit_mb is None or not known:
            return True
        networks: dict[str, float] = {}
        for job, memory in known:
            networks[job.recipe.network] = max(memory.network, networks.get(job.recipe.network, 0.0))
        held = sum(memory.held + _pictures_mb(job) for job, memory in known)
        passing = max(memory.passing for _, memory in known)
        return BASE_MB[self.here] + sum(networks.values()) + held + passing <= self.memory_limit_mb

    def _leave_queue(self, job: Job) -> None:
        if job in self._waiting:
            self._waiting.remove(job)
            self._admit()

    def _wait_of(self, job: Job) -> float | None:
        """How long a run that waits is likely to wait still, to the second."""
        now = time.monotonic()
        if now - self._waits[0] > WAITS_EVERY or job not in self._waits[1]:
            going_on = {seated: self._load(seated, now) for seated in self._seated}
            waiting = {other: self._load(other, now) for other in self._waiting}
            self._waits = now, dict(zip(waiting, expected_waits(going_on, waiting, self._has_room), strict=True))
        seconds = self._waits[1].get(job)
        return None if seconds is None else float(round(seconds))

    def _load(self, job: Job, now: float) -> Load:
        """What is still to come of a run, by what it was expected to cost and what it has really cost so far."""
        frame, share = job.frame, job.control.turn()
        until = self.limits.max_seconds - (now - job.started_at if job.started_at is not None else 0.0)
        if job.recipe.seconds is not None:
            until = min(until, job.recipe.seconds - (frame.seconds if frame else 0.0))
        if job.state == "paused" or job.cost is None:
            return Load(float("inf"), 0.0 if job.state == "paused" else job.weight, until)
        done, spent, whole = frame.evaluations if frame else 0, 0.0, 0.0
        for stage in job.cost.stages:
            part = min(done, stage.evaluations)
            done -= part
            spent += stage.seconds * part / max(1, stage.evaluations)
            whole += stage.seconds
        left = whole - spent
        if spent > 0 and isinstance(share, Ticket):
            left *= share.seconds / spent
        return Load(left, job.weight, until)

    def _forget_old(self) -> None:
        """Drop ended jobs that are too old or too many, and large pictures that the older of them were given."""
        ended = [job for job in self._jobs.values() if job.ended_at is not None]
        now, pictures = time.monotonic(), 0.0
        for index, job in enumerate(reversed(ended)):
            training = isinstance(job, TrainingJob)
            age = now - (job.ended_at or now)
            if index >= KEEP or age > (self.limits.training_seconds if training else self.limits.keep_seconds):
                del self._jobs[job.id]
                if isinstance(job, TrainingJob):
                    shutil.rmtree(job.folder, ignore_errors=True)
                if self.store:
                    self.store.remove(job.id)
            pictures += _pictures_mb(job)
            if pictures > KEEP_PICTURES_MB and job.content is not None:  # as large as they are shown, no more
                job.content, job.style = (resize_picture(p, job.recipe.size) for p in (job.content, job.style))
                job.checkpoints = None  # which need the pictures as they were given

    def _fetch(self, download: Download) -> None:
        def report(sentence: str, fraction: float | None) -> None:
            download.sentence, download.fraction = sentence, fraction

        try:
            fetch.fetch(download.network, report)
            report(f"Reading {download.network}", None)
            if not self.lent_gpu:
                self._network(download.network)
        except PlaygroundError as error:
            download.error = error
        except Exception:
            logger.exception("fetching %s failed", download.network)
            download.error = PlaygroundError(f"{download.network} could not be fetched; the server's log says why.")
        finally:
            download.over.set()

    # ---------------------------------------------------------------- the worker

    def _start_worker(self, work: Callable[..., None], *arguments: Any) -> None:
        worker = threading.Thread(target=self._end_worker, args=(work, *arguments), name="worker", daemon=True)
        with self._lock:
            self._workers.add(worker)
        worker.start()

    def _end_worker(self, work: Callable[..., None], *arguments: Any) -> None:
        try:
            work(*arguments)
        finally:
            with self._lock:
                self._workers.discard(threading.current_thread())

    def _run_task(self, task: Task, work: Callable[[Task], None]) -> None:
        try:
            work(task)
        except Exception as error:
            task.error = explain(error, "task")
        finally:
            task.over.set()

    def _work(self, job: Job, frames: Iterator[Frame], kept: bool) -> None:
        """A run from the queue to its end; everything that it held is let go of here."""
        try:
            self._keep(job, kept)
            if self._sit_down(job) and self._wait_for_network(job):
                alone = not isinstance(job, TrainingJob) and not self.lent_gpu
                for frame in frames:
                    job.store(frame)
                    if frame.picture is not None and frame.result is None and not isinstance(job, TrainingJob):
                        job.previews.add(frame.picture, frame.evaluations, frame.seconds)
                    alone = alone and len(self._seated) == 1
                    self._look_after(job)
                if alone and job.result is not None:
                    observe_run(job.result, self.device)
            if not job.ended:  # before it was painted, or because the server ends
                job.tell(state="stopped", place=0, wait_seconds=None, doing="")
        except Exception as error:
            job.tell(state="failed", place=0, wait_seconds=None, doing="", error=explain(error, job.name, job.recipe))
        finally:
            self._let_go(job)

    def _look_after(self, job: Job) -> None:
        """End a run that nobody watches or that has had its time, and note in the store how it stands."""
        orders = job.control.read()
        if not orders.stopped:
            if job.abandoned:
                job.control.stop()
                job.note("stopped because nobody was watching")
            elif not isinstance(job, TrainingJob) and self._overdue(job):
                job.control.stop()
                job.note(
                    f"stopped after {self.limits.max_seconds / 60:.3g} minutes, the longest that a run may take here"
                )
        if self.store:
            self.store.update(job.id, settings=orders.settings, paused=orders.paused, notes=job.notes)

    def _overdue(self, job: Job) -> bool:
        return job.started_at is not None and time.monotonic() - job.started_at > self.limits.max_seconds

    def _let_go(self, job: Job) -> None:
        """What is left to do when a job has ended, however it ended."""
        if isinstance(job.control, FileControl):
            job.control.remove()
        if self.store and not self._saving:
            self.store.end(job.id)
            self._sweep()
        logger.info("%s ended: %s", job.name, job.state, extra={"run": job.name, "state": job.state})
        job.ended_at = time.monotonic()
        with self._lock:
            self._seated.discard(job)
            self._leave_queue(job)
            self._admit()
            self._forget_old()
        if self.device == "cuda" and not self.lent_gpu:
            torch.cuda.empty_cache()

    def _sweep(self) -> None:
        """Keep to the limit of the disk; a run whose checkpoints had to go says so by having none."""
        self._swept_at = bytes_written()
        for id in self.store.sweep() if self.store else []:
            gone = self._jobs.get(id)
            if gone is not None:
                gone.checkpoints = None

    def _keep(self, job: Job, kept: bool) -> None:
        """Put a job into the store, unless it comes from there; a disk that takes nothing is said."""
        if self.store is None or self.lent_gpu:
            return
        try:
            if not kept:
                title, photos = (job.title, job.photos) if isinstance(job, TrainingJob) else ("", "")
                job.folder = self.store.create(
                    Stored(
                        job.id, job.visitor, job.recipe, job.style, job.content, job.parent, job.changes,
                        job.control.read().settings, title=title, photos=photos, folder=job.folder,
                    )
                )  # fmt: skip
        except OSError as error:
            logger.warning("%s cannot be kept: %s", job.name, error, extra={"run": job.name})
            job.note(f"{DISK_FULL}: the picture goes on, but it cannot be gone back in")
        if job.folder is not None and not isinstance(job, TrainingJob):
            job.previews, job.checkpoints = Previews(job.folder / "film"), self._checkpoints_in(job.folder)

    def _checkpoints_in(self, folder: Path) -> Checkpoints:
        megabytes = min(self.limits.moments_mb, self.limits.disk_mb / self.limits.max_runs)
        return Checkpoints(folder / "moments", round(megabytes * 2**20), self.limits.save_every)

    def _sit_down(self, job: Job) -> bool:
        """Wait for a seat; False when the run was stopped or abandoned before it got one. Trainings have theirs."""
        while True:
            with self._lock:
                gone = job.control.read().stopped or job.abandoned
                if gone:
                    self._leave_queue(job)
                seated = job in self._seated
                place = self._waiting.index(job) + 1 if job in self._waiting else 0
                wait_seconds = self._wait_of(job) if place else None
            if gone:
                return False
            if seated:
                job.started_at = time.monotonic()
                return True
            job.tell(place=place, wait_seconds=wait_seconds)
            job.control.wait(LOOK_EVERY)

    def _wait_for_network(self, job: Job) -> bool:
        """Wait for a download that is going on; False when the run was stopped or abandoned meanwhile."""
        job.tell(state="loading", place=0, wait_seconds=None)
        download = self.downloads.get(job.recipe.network)
        while download and not download.over.wait(LOOK_EVERY):
            job.tell(doing=download.sentence)
            if job.control.read().stopped or job.abandoned:
                return False
        if download and download.error and not catalogue.is_available(job.recipe.network):
            raise PlaygroundError(str(download.error))  # a new one: a raised error holds on to this run's pictures
        job.tell(doing="Getting ready")
        return True

    def _frames(self, job: Job) -> Iterator[Frame]:
        """The run in this process, taking turns with the others; from its newest moment on, where it has one."""
        network = self._network(job.recipe.network)
        snapshot = job.checkpoints.newest() if job.checkpoints else None
        if snapshot is not None:
            job.go_on_from(snapshot)
        assert job.content is not None
        # Not on the run's own account: the first to use a network prepares it for all.
        run = self.turn().do(partial(Run, job.content, job.style, job.recipe, network, job.control, snapshot))
        del snapshot
        job.tell(doing="")
        for frame in run.frames():
            yield frame
            # In any case where it pauses or ends: people go back to there most.
            self._keep_checkpoint(job, run, now=self._saving or frame.state != "running")
            if self._saving:
                return

    def _keep_checkpoint(self, job: Job, run: Run, *, now: bool) -> None:
        if job.checkpoints is not None:
            trouble = (job.checkpoints.save if now else job.checkpoints.maybe_save)(run, **job.beside)
            if trouble:
                job.note(trouble)
            elif bytes_written() - self._swept_at > SWEEP_SHARE * self.limits.disk_mb * 2**20:
                self._sweep()

    def _training_frames(self, job: TrainingJob, photos: Photos) -> Iterator[Frame]:
        """The training in this process; what it has left is a model and nothing of the photographs."""
        assert isinstance(job.recipe, TrainingRecipe)
        paths, network = Paths(job.folder / "model.safetensors"), self._network(job.recipe.network)
        try:
            training = job.control.turn().do(
                partial(Training, job.style, photos, job.recipe, network, paths.model, job.control, title=job.title,
                        resume=paths.state.exists())
            )  # fmt: skip
            job.go_on_from({"curve": training.curve.plain()})
            job.tell(doing="")
            yield from training.frames()
        finally:
            if not self._saving:
                shutil.rmtree(job.folder / "photos", ignore_errors=True)
                paths.state.unlink(missing_ok=True)  # several times the model's size, and nothing here goes on from it

    def _network(self, name: str) -> Vgg:
        with self._reading:  # two runs must not read the same network twice
            return load_network(name, self.device)

    def _lent_frames(self, job: Job) -> Iterator[Frame]:
        """The run in a process that holds a lent GPU, steered through a file."""
        assert self.lent_gpu is not None
        assert isinstance(job.control, FileControl)
        seconds = self.lent_time(job.recipe)
        job.tell(doing="Waiting for a GPU")
        for frame in self.lent_gpu(job.content, job.style, job.recipe, self.device, job.control.path, seconds):
            if isinstance(frame, PlaygroundError):
                raise frame
            if frame.result is not None:
                self._pace = max(frame.seconds / megapixels_judged(frame.result.recipe), self._pace or 0.0)
            job.tell(doing="")
            yield frame

    def lent_time(self, recipe: Recipe) -> float:
        """Seconds of a lent GPU to ask for: by the slowest run so far, with as much again to spare, up to the limit."""
        wanted = self.lent_seconds
        if self._pace is not None:
            wanted = min(wanted, GPU_START_SECONDS + 2 * self._pace * megapixels_judged(recipe))
        if recipe.seconds is not None:
            wanted = min(wanted, GPU_START_SECONDS + recipe.seconds)
        return wanted


def _pictures_mb(job: Job) -> float:
    """What the pictures that a job was given take."""
    pictures = [job.style, *([job.content] if job.content else [])]
    return sum(picture.width * picture.height for picture in pictures) * BYTES_A_PIXEL / 2**20
