"""Every job that a server knows: those that go on, and those that have ended until they are forgotten.

jobs.py and worker.py hold one lock over this and over admission.py while they call either; nothing here waits.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from playground.service.folders import Folders
from playground.service.job import Job
from playground.service.limits import Limits
from playground.service.store import Store

KEEP = 50  # ended jobs that are remembered
KEEP_PICTURES_MB = 512.0  # of the pictures that ended jobs were given


class Registry:
    """The jobs of a server by their ids, oldest first. Every call with the lock held.

    Args:
        store, folders: told of what is forgotten.
    """

    def __init__(self, store: Store | None, folders: Folders) -> None:
        self._store, self._folders = store, folders
        self._jobs: dict[str, Job] = {}

    def __iter__(self) -> Iterator[Job]:
        return iter(list(self._jobs.values()))

    def add(self, job: Job) -> None:
        """Know a job from now on."""
        self._jobs[job.id] = job

    def get(self, id: str) -> Job | None:
        """The job with this id; None where it is not known or not any more."""
        return self._jobs.get(id)

    def going_on(self) -> list[Job]:
        """Jobs that have not ended."""
        return [job for job in self if not job.ended]

    def runs_of(self, visitor: str) -> list[Job]:
        """A person's runs, ended ones too; no training."""
        return [job for job in self if job.visitor == visitor and job.counts_as_run]

    def forget_old(self, limits: Limits) -> None:
        """Drop ended jobs that are too old or too many, and large pictures that the older of them were given."""
        ended = [job for job in self if job.ended_at is not None]
        now, pictures_mb = time.monotonic(), 0.0
        for index, job in enumerate(reversed(ended)):
            if index >= KEEP or now - (job.ended_at or now) > job.seconds_kept(limits):
                del self._jobs[job.id]
                if job.folder is not None:
                    self._folders.drop(job.folder)
                if self._store:
                    self._store.remove(job.id)
            pictures_mb += job.pictures_mb
            if pictures_mb > KEEP_PICTURES_MB:
                job.shrink_pictures()
