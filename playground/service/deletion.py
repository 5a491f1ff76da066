"""When what a run has left on the disk is deleted: once it is forgotten, and once all runs take more than the disk may give.

worker.py asks at the end of every job and while one keeps checkpoints, jobs.py whenever a job is added or ended. What goes
on is never deleted. store.py and folders.py know where a run's folder lies; run_folder.py removes it.
"""

from __future__ import annotations

import time

from playground.engine.checkpoints import bytes_written
from playground.service.folders import Folders
from playground.service.limits import Limits
from playground.service.registry import Registry
from playground.service.store import Store

KEEP = 50  # ended jobs that are remembered
KEEP_PICTURES_MB = 512.0  # of the pictures that ended jobs were given
SWEEP_FRACTION = 0.02  # of the disk's limit may be written until it is looked at again, which takes time with many runs


class Deletion:
    """Forgets what has ended and deletes what it has left.

    Args:
        registry: of the jobs; the lock over it is held by who calls `forget_old`, and by nobody who calls the others.
    """

    def __init__(self, registry: Registry, store: Store | None, folders: Folders) -> None:
        self._registry, self._store, self._folders = registry, store, folders
        self._frames_written = 0  # bytes
        self._swept_at = 0  # what had been written when the disk was looked at

    def forget_old(self, limits: Limits) -> None:
        """Drop ended jobs that are too old or too many, and large pictures that the older of them were given."""
        ended = [job for job in self._registry if job.ended_at is not None]
        now, pictures_mb = time.monotonic(), 0.0
        for index, job in enumerate(reversed(ended)):
            if index >= KEEP or now - (job.ended_at or now) > job.seconds_kept(limits):
                self._registry.forget(job.id)
                if job.folder is not None:
                    self._folders.drop(job.folder)
                if self._store:
                    self._store.remove(job.id)
            pictures_mb += job.pictures_mb
            if pictures_mb > KEEP_PICTURES_MB:
                job.shrink_pictures()

    def frames_written(self, bytes: int) -> None:
        """Note what the frames kept of a run have taken."""
        self._frames_written += bytes

    def sweep_when_due(self, limits: Limits) -> None:
        """`sweep`, where enough has been written since the last time."""
        written = bytes_written() + self._frames_written - self._swept_at
        if written > SWEEP_FRACTION * limits.disk_mb * 2**20:
            self.sweep()

    def sweep(self) -> None:
        """Keep to the limit of the disk; a run whose checkpoints had to go says so by having none."""
        self._swept_at = bytes_written() + self._frames_written
        for id in self._store.sweep() if self._store else []:
            gone = self._registry.get(id)
            if gone is not None:
                gone.checkpoints = gone.kept = None
