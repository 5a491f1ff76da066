"""Runs on behalf of people: who may start one, whose turn it is, what is known about each, and when it is forgotten.

A job's worker thread iterates the run and stores the latest state. Trainings are jobs that go on unwatched, errands are
smaller works. `ui/` starts, watches and steers them; `app.py` makes the one `Jobs`.
"""

from __future__ import annotations

import contextvars
import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from playground import weights
from playground.control import FileControl, MemoryControl
from playground.device import pick_device
from playground.errors import PlaygroundError
from playground.estimate import observe_run
from playground.fast.photos import Photos
from playground.fast.recipe import TrainingRecipe
from playground.fast.training import Paths, Training
from playground.features import Vgg, load_network
from playground.frames import Frame
from playground.job import Download, Errand, Job, TrainingJob, explain
from playground.lent import GPU_START_SECONDS, megapixels_judged
from playground.recipe import DEFAULT_NETWORK, Recipe
from playground.run import Run, check_pictures
from playground.turns import Share, Turns

LOOK_EVERY = 0.25  # seconds between two looks of a job that waits for a seat or a download
TRAINING_SECONDS = 24 * 3600.0  # a training ends by then at the latest, and is remembered as long after its end

logger = logging.getLogger(__name__)


class Jobs:
    """Every run of this server.

    Args:
        device: "auto", "cuda", "mps" or "cpu".
        waiting_limit: how many runs may wait for a seat.
        grace_seconds: how long a run goes on without anybody watching.
        seats: how many runs are painted at once; they take turns on the device, evaluation by evaluation.
        trainings: how many trainings go on at once; more are refused.
        keep, keep_seconds: how many ended jobs are remembered, and for how long.
        networks: files that may be named as a recipe's network beside the known ones; a visitor's own path never is.
        lent_gpu: `paint_elsewhere`, decorated to run in another process that holds a GPU; None to paint in this one.
        lent_seconds: how long one run may hold such a GPU.

    Raises:
        PlaygroundError: this machine has no such device.
    """

    def __init__(
        self,
        device: str = "auto",
        waiting_limit: int = 20,
        grace_seconds: float = 30.0,
        *,
        seats: int = 4,
        trainings: int = 2,
        keep: int = 50,
        keep_seconds: float = 3600.0,
        networks: Iterable[str] = (),
        lent_gpu: Callable[..., Iterator[Frame | PlaygroundError]] | None = None,
        lent_seconds: float = 60.0,
    ) -> None:
        self.device = pick_device(device)
        self.here = "cpu" if lent_gpu else self.device  # what this process itself may work on
        self.waiting_limit, self.grace_seconds, self.seats = waiting_limit, grace_seconds, seats
        self.trainings = trainings
        self.keep, self.keep_seconds = keep, keep_seconds
        self.networks = (*weights.NETWORKS, *networks)
        self.lent_gpu, self.lent_seconds = lent_gpu, lent_seconds
        self.downloads: dict[str, Download] = {}
        self._turns, self._reading = Turns(), threading.Lock()
        self._lock = threading.Lock()  # over the collections below; never held while a job's own lock is wanted
        self._jobs: dict[str, Job] = {}  # oldest first
        self._waiting: list[Job] = []
        self._seated: set[Job] = set()
        self._errands: list[Errand] = []
        self._workers: set[threading.Thread] = set()
        self._pace: float | None = None  # seconds of a lent GPU per megapixel judged, the slowest seen
        self._orders = Path(tempfile.mkdtemp(prefix="playground-orders-")) if lent_gpu else None
        self._folders = Path(tempfile.mkdtemp(prefix="playground-trainings-"))

    # ---------------------------------------------------------------- for pages and the API

    def start(
        self, content: Image.Image, style: Image.Image, recipe: Recipe, visitor: str, *, replace: bool = False
    ) -> Job:
        """Start a run, or queue it.

        Args:
            content, style: clean RGB pictures, from `load_picture`.
            recipe: the settings.
            visitor: who it belongs to; one run a visitor.
            replace: stop the visitor's run that is going on, rather than refuse.

        Raises:
            PlaygroundError: the pictures or the network cannot be used, the visitor already has a run, or the queue
                is full.
        """
        check_pictures(content, recipe.size)
        self._check_network(recipe.network)
        job = self._new_job(recipe, visitor)
        with self._lock:
            self._forget_old()
            running = [old for old in self._going_on() if old.visitor == visitor and not isinstance(old, TrainingJob)]
            if running and not replace:
                raise PlaygroundError("You already have a run going on: stop it first, or replace it.")
            for old in running:
                old.control.stop()
                if old in self._waiting:
                    self._waiting.remove(old)
            if len(self._waiting) >= self.waiting_limit:
                raise PlaygroundError(f"{len(self._waiting)} runs are waiting already: try again in a few minutes.")
            self._waiting.append(job)
            job.place = len(self._waiting)
            self._jobs[job.id] = job
        frames = self._lent_frames if self.lent_gpu else self._frames
        # The context carries the request that asked for the run, whose quota a lent GPU's time is charged to.
        self._start_worker(contextvars.copy_context().run, self._work, job, partial(frames, job, content, style))
        return job

    def new_folder(self) -> Path:
        """An empty folder for a training's photographs, in `photos`, and its files; gone when the server ends."""
        folder = Path(tempfile.mkdtemp(dir=self._folders))
        (folder / "photos").mkdir()
        return folder

    def drop_folder(self, folder: Path) -> None:
        """Delete such a folder, unless a training has taken it over."""
        with self._lock:
            taken = any(isinstance(job, TrainingJob) and job.folder == folder for job in self._jobs.values())
        if not taken and folder.parent == self._folders:
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
            PlaygroundError: the network cannot be used, the visitor already trains, or too many trainings go on.
        """
        if self.lent_gpu:
            raise PlaygroundError("This server borrows its GPU by the minute, too short for a training: run your own.")
        self._check_network(recipe.network)
        recipe = recipe.changed({"seconds": min(recipe.seconds or TRAINING_SECONDS, TRAINING_SECONDS)})
        job = TrainingJob(recipe, visitor, MemoryControl(self._turns.share()), folder, title, style)
        with self._lock:
            self._forget_old()
            going_on = [old for old in self._going_on() if isinstance(old, TrainingJob)]
            if any(old.visitor == visitor for old in going_on):
                raise PlaygroundError("You already have a training going on: stop it first.")
            if len(going_on) >= self.trainings:
                raise PlaygroundError(f"{len(going_on)} trainings go on here already, no more fit: try again later.")
            self._jobs[job.id] = job
        self._start_worker(self._work, job, partial(self._training_frames, job, photos))
        return job

    def errand(self, visitor: str, work: Callable[[Errand], None]) -> Errand:
        """Let a thread of its own do a small work; it takes turns by `errand.control`.

        Raises:
            PlaygroundError: the visitor's last errand is not over, or too many are under way.
        """
        errand = Errand(visitor, MemoryControl(self._turns.share()), self.grace_seconds)
        with self._lock:
            self._errands = [other for other in self._errands if not other.over.is_set()]
            if any(other.visitor == visitor for other in self._errands):
                raise PlaygroundError("What you asked for before is still under way: stop it, or wait for its end.")
            if len(self._errands) >= self.seats:
                raise PlaygroundError("Too many people have asked for the like just now: try again in a minute.")
            self._errands.append(errand)
        self._start_worker(self._run_errand, errand, work)
        return errand

    def turn(self) -> Share:
        """Held during one piece of work on the device that is no job's, such as painting in one pass."""
        return self._turns.share()

    def network(self, name: str) -> Vgg:
        """A network of this server for work in this process, read once.

        Raises:
            PlaygroundError: it is not on this machine, or not yet.
        """
        self._check_network(name)
        if not weights.is_available(name):
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

    def close(self, timeout: float = 10.0) -> None:
        """Stop every run and wait for the workers, at most `timeout` seconds."""
        with self._lock:
            controls = [job.control for job in self._going_on()] + [errand.control for errand in self._errands]
            workers = list(self._workers)
        for control in controls:
            control.stop()
        deadline = time.monotonic() + timeout
        for worker in workers:
            worker.join(max(0.0, deadline - time.monotonic()))
        for folder in (self._orders, self._folders):
            if folder:
                shutil.rmtree(folder, ignore_errors=True)

    # ---------------------------------------------------------------- before a run

    def _new_job(self, recipe: Recipe, visitor: str) -> Job:
        job = Job(recipe, visitor, MemoryControl(self._turns.share()), self.grace_seconds)
        if self._orders:
            job.control = FileControl(self._orders / job.id)
        return job

    def _check_network(self, network: str) -> None:
        if network not in self.networks:
            raise PlaygroundError(f"This server paints with {', '.join(self.networks)} only, not with {network!r}.")
        if weights.is_available(network):
            return
        if network == DEFAULT_NETWORK:
            self.fetch(network)  # the run waits for it
        elif network not in self.downloads or self.downloads[network].over.is_set():
            hint = next((line.hint for line in weights.status() if line.name == network), "")
            raise PlaygroundError(hint or f"The network {network} is not on this machine.")

    def _going_on(self) -> list[Job]:
        """Jobs that have not ended; with the lock held."""
        return [job for job in self._jobs.values() if not job.ended]

    def _forget_old(self) -> None:
        """Drop ended jobs that are too old or too many; with the lock held."""
        ended = [job for job in self._jobs.values() if job.ended_at is not None]
        now = time.monotonic()
        for index, job in enumerate(ended):
            training = isinstance(job, TrainingJob)
            age = now - (job.ended_at or now)
            if index < len(ended) - self.keep or age > (TRAINING_SECONDS if training else self.keep_seconds):
                del self._jobs[job.id]
                if isinstance(job, TrainingJob):
                    shutil.rmtree(job.folder, ignore_errors=True)

    def _fetch(self, download: Download) -> None:
        def report(sentence: str, fraction: float | None) -> None:
            download.sentence, download.fraction = sentence, fraction

        try:
            weights.fetch(download.network, report)
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

    def _run_errand(self, errand: Errand, work: Callable[[Errand], None]) -> None:
        try:
            work(errand)
        except Exception as error:
            errand.error = explain(error, "errand")
        finally:
            errand.over.set()

    def _work(self, job: Job, paint: Callable[[], Iterator[Frame]]) -> None:
        """A run from the queue to its end; everything that it held is let go of here."""
        try:
            if self._sit_down(job) and self._wait_for_network(job):
                alone = not isinstance(job, TrainingJob) and not self.lent_gpu
                for frame in paint():
                    job.store(frame)
                    alone = alone and len(self._seated) == 1
                    if job.abandoned and not job.control.read().stopped:
                        job.control.stop()
                        job.tell(notes=[*job.notes, "stopped because nobody was watching"])
                if alone and job.result is not None:
                    observe_run(job.result, self.device)
            else:
                job.tell(state="stopped", place=0, doing="")
        except Exception as error:
            job.tell(state="failed", place=0, doing="", error=explain(error, job.id[:6], job.recipe))
        finally:
            if isinstance(job.control, FileControl):
                job.control.remove()
            job.ended_at = time.monotonic()
            with self._lock:
                self._seated.discard(job)
            if self.device == "cuda" and not self.lent_gpu:
                torch.cuda.empty_cache()

    def _sit_down(self, job: Job) -> bool:
        """Wait for a seat; False when the run was stopped or abandoned before it got one. Trainings have their own."""
        while not isinstance(job, TrainingJob):
            with self._lock:
                gone = job.control.read().stopped or job.abandoned
                if gone and job in self._waiting:
                    self._waiting.remove(job)
                place = self._waiting.index(job) + 1 if job in self._waiting else 0
                seated = place == 1 and len(self._seated) < self.seats
                if seated:
                    self._waiting.remove(job)
                    self._seated.add(job)
            if gone or seated:
                return seated
            job.tell(place=place)
            job.control.wait(LOOK_EVERY)
        return True

    def _wait_for_network(self, job: Job) -> bool:
        """Wait for a download that is going on; False when the run was stopped or abandoned meanwhile."""
        job.tell(state="loading", place=0)
        download = self.downloads.get(job.recipe.network)
        while download and not download.over.wait(LOOK_EVERY):
            job.tell(doing=download.sentence)
            if job.control.read().stopped or job.abandoned:
                return False
        if download and download.error and not weights.is_available(job.recipe.network):
            raise PlaygroundError(str(download.error))  # a new one: a raised error holds on to this run's pictures
        job.tell(doing="Getting ready")
        return True

    def _frames(self, job: Job, content: Image.Image, style: Image.Image) -> Iterator[Frame]:
        """The run in this process, taking turns with the others."""
        network = self._network(job.recipe.network)
        with job.control.turn():  # describing the two pictures costs about three evaluations
            run = Run(content, style, job.recipe, network, job.control)
        job.tell(doing="")
        yield from run.frames()

    def _training_frames(self, job: TrainingJob, photos: Photos) -> Iterator[Frame]:
        """The training in this process; what it has left is a model and nothing of the photographs."""
        assert isinstance(job.recipe, TrainingRecipe)
        paths, network = Paths(job.folder / "model.safetensors"), self._network(job.recipe.network)
        try:
            with job.control.turn():
                training = Training(job.style, photos, job.recipe, network, paths.model, job.control, title=job.title)
            job.tell(doing="")
            yield from training.frames()
        finally:
            shutil.rmtree(job.folder / "photos", ignore_errors=True)
            paths.state.unlink(missing_ok=True)  # several times the model's size, and nothing here goes on from it

    def _network(self, name: str) -> Vgg:
        with self._reading:  # two runs must not read the same network twice
            return load_network(name, self.device)

    def _lent_frames(self, job: Job, content: Image.Image, style: Image.Image) -> Iterator[Frame]:
        """The run in a process that holds a lent GPU, steered through a file."""
        assert self.lent_gpu is not None
        assert isinstance(job.control, FileControl)
        seconds = self.lent_time(job.recipe)
        job.tell(doing="Waiting for a GPU")
        for frame in self.lent_gpu(content, style, job.recipe, self.device, job.control.path, seconds):
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
