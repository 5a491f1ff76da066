"""Every job that a server knows: those that go on, and those that have ended until they are forgotten.

jobs.py and worker.py hold one lock over this and over admission.py while they call either; nothing here waits.
"""

from __future__ import annotations

from collections.abc import Iterator

from playground.service.job import Job


class Registry:
    """The jobs of a server by their ids, oldest first. Every call with the lock held."""

    def __init__(self) -> None:
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

    def forget(self, id: str) -> None:
        """Know a job no more."""
        del self._jobs[id]
