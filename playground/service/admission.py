"""Who may begin and who waits: the queue, the slots, what fits into the memory together, and how long a wait will be.

Several runs paint at once in so many slots, each in its turns (scheduler.py); trainings take memory but no slot. jobs.py
and worker.py hold one lock over this and the registry while they call it; nothing here waits.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from playground.errors import PlaygroundError
from playground.measure.memory import BASE_MB
from playground.service.job import Job
from playground.service.limits import Limits
from playground.service.scheduler import Ticket
from playground.service.tasks import UNDER_WAY

Key = TypeVar("Key", bound=Hashable)

WAITS_EVERY = 1.0  # seconds between two estimates of how long the queue will last
WAITING_FRACTION = 0.25  # of the memory, for the pictures of runs that wait


class Busy(PlaygroundError):  # noqa: N818 (an offer rather than a fault)
    """A person has as many runs going on as they may; a new one could replace the oldest.

    Attributes:
        runs: how many those are.
    """

    def __init__(self, runs: int) -> None:
        have = "a run" if runs == 1 else f"{runs} runs"
        super().__init__(f"You already have {have} going on: stop one first, or replace it.")
        self.runs = runs


class Admission:
    """The queue, the slots and the memory of one device. Every call with the lock held, but for `expect`.

    Args:
        limits: how many runs at once, how many may wait, how many of one person.
        device: what this process works on.
        memory_limit_mb: that jobs are admitted up to; None where nobody knows how much there is.

    Attributes:
        waiting: runs without a slot, the next one first.
        admitted: runs with a slot, and trainings.
    """

    def __init__(self, limits: Limits, device: str, memory_limit_mb: float | None) -> None:
        self.limits, self.device, self.memory_limit_mb = limits, device, memory_limit_mb
        self.waiting: list[Job] = []
        self.admitted: set[Job] = set()
        self._beginning: Counter[str] = Counter()  # runs of each person whose pictures are being read
        self._starts: dict[str, list[float]] = {}  # when each person started runs in the last minute
        self._waits: tuple[float, dict[Job, float | None]] = (0.0, {})  # when they were estimated, and what came out

    # ---------------------------------------------------------------- memory

    def expect(self, job: Job) -> None:
        """Work out what a job is likely to take.

        Raises:
            PlaygroundError: it would not even fit alone.
        """
        job.expect(self.device)
        if self.memory_limit_mb is not None and not self.fits([job]):
            raise PlaygroundError(job.does_not_fit(self.memory_limit_mb, self.device))

    def fits(self, jobs: Collection[Job]) -> bool:
        """Whether some jobs fit into the memory together: what each holds, and the largest evaluation of any."""
        known = [(job, job.memory) for job in jobs if job.memory is not None]
        if self.memory_limit_mb is None or not known:
            return True
        networks: dict[str, float] = {}
        for job, memory in known:
            networks[job.recipe.network] = max(memory.network, networks.get(job.recipe.network, 0.0))
        held = sum(memory.held + job.pictures_mb for job, memory in known)
        passing = max(memory.passing for _, memory in known)
        return BASE_MB[self.device] + sum(networks.values()) + held + passing <= self.memory_limit_mb

    # ---------------------------------------------------------------- the queue

    def enter(self, job: Job, going_on: Sequence[Job], *, replace: bool = False) -> None:
        """Queue a run, in place of others of its person's where they are too many, or admit a training at once.

        Args:
            going_on: every other job that has not ended, oldest first.
            replace: whether others may be stopped for it.

        Raises:
            Busy: the person has too many runs, and they are not to be replaced.
            PlaygroundError: the person starts too many, the queue is full, or no more training fits.
        """
        if job.counts_as_run:
            self._may_have_another(job.person, going_on, replace=replace)
            if not self._beginning[job.person]:  # else it was counted before its pictures were read
                self._count_start(job.person)
            self._enter_run(job, [old for old in going_on if old.person == job.person and old.counts_as_run])
        else:
            self._enter_training(job, [old for old in going_on if not old.counts_as_run])

    def begins(self, person: str, going_on: Sequence[Job], *, replace: bool = False) -> None:
        """Count a run whose pictures are about to be read, until `begun`: nobody has more of them read than they may run.

        Raises:
            Busy, PlaygroundError: as for `enter`, or so many are being read for them already.
        """
        self._may_have_another(person, going_on, replace=replace)
        if self._beginning[person] >= self.limits.runs_each:
            raise PlaygroundError(UNDER_WAY)
        self._count_start(person)
        self._beginning[person] += 1

    def begun(self, person: str) -> None:
        """Such a run has its pictures, or will never have them."""
        self._beginning[person] -= 1
        if not self._beginning[person]:
            del self._beginning[person]

    def _may_have_another(self, person: str, going_on: Sequence[Job], *, replace: bool) -> None:
        theirs = [old for old in going_on if old.person == person and old.counts_as_run]
        theirs = [old for old in theirs if not old.control.read().stopped]
        if len(theirs) >= self.limits.runs_each and not replace:
            raise Busy(len(theirs))

    def _count_start(self, person: str) -> None:
        """Note a start, whether or not a run comes of it: reading what cannot be painted takes time too."""
        now = time.monotonic()
        self._starts = {
            other: late
            for other, at in self._starts.items()
            if (late := [moment for moment in at if now - moment < 60])
        }
        starts = self._starts.setdefault(person, [])
        if len(starts) >= self.limits.starts_each:
            seconds = math.ceil(60 - (now - starts[0]))
            raise PlaygroundError(f"You have started {len(starts)} runs in a minute: wait {seconds} s for the next.")
        starts.append(now)

    def _enter_run(self, job: Job, theirs: list[Job]) -> None:
        theirs = [old for old in theirs if not old.control.read().stopped]
        theirs.sort(key=lambda old: job.parent is None or old.id != job.parent[0])  # a branch replaces its parent
        self._enqueue(job, instead_of=theirs[: max(0, len(theirs) + 1 - self.limits.runs_each)])

    def _enter_training(self, job: Job, others: list[Job]) -> None:
        if any(old.person == job.person for old in others):
            raise PlaygroundError("You already have a training going on: stop it first.")
        if len(others) >= self.limits.max_trainings:
            raise PlaygroundError(f"{len(others)} trainings go on here already, no more fit: try again later.")
        if not self.fits([*self.admitted, job]):
            raise PlaygroundError(
                "The memory of this machine is taken: try again later, or with a smaller batch size or crop size."
            )
        self.admitted.add(job)

    def enter_again(self, job: Job) -> None:
        """Take in what an earlier server has left, whatever the limits: it had its place before."""
        if job.counts_as_run:
            self.waiting.append(job)
            self._admit()
        else:
            self.admitted.add(job)

    def leave(self, job: Job) -> None:
        """A job needs its slot or its place in the queue no more."""
        self.admitted.discard(job)
        if job in self.waiting:
            self.waiting.remove(job)
        self._admit()

    def place_of(self, job: Job) -> int:
        """The place in the queue, 1 for the next; 0 for who does not wait."""
        return self.waiting.index(job) + 1 if job in self.waiting else 0

    def has_room(self, admitted: Collection[Job], job: Job) -> bool:
        """Whether a run may be painted beside others."""
        runs = sum(other.counts_as_run for other in admitted)
        return runs < self.limits.max_runs and self.fits([*admitted, job])

    def _enqueue(self, job: Job, instead_of: Collection[Job]) -> None:
        """Take a run in, and stop those that it replaces; where too many wait already, nothing is stopped."""
        waiting = [old for old in self.waiting if old not in instead_of]
        pictures_mb = sum(other.pictures_mb for other in [*waiting, job])
        limit = self.memory_limit_mb
        if waiting and limit is not None and pictures_mb > WAITING_FRACTION * limit:
            raise PlaygroundError(
                "Too many large pictures are waiting: try again in a few minutes, or scale yours down."
            )
        before, self.waiting = self.waiting, [*waiting, job]
        self._admit()
        if job in self.waiting and len(self.waiting) > self.limits.max_waiting:
            self.waiting = before
            self._admit()
            raise PlaygroundError(f"{self.limits.max_waiting} runs are waiting already: try again in a few minutes.")
        for old in instead_of:
            old.control.stop()
        job.place = self.place_of(job)

    def _admit(self) -> None:
        """Give slots to those who wait, strictly in order: a small run that overtook large ones would starve them."""
        while self.waiting and self.has_room(self.admitted, self.waiting[0]):
            self.admitted.add(self.waiting.pop(0))

    # ---------------------------------------------------------------- how long

    def wait_of(self, job: Job) -> float | None:
        """How long a run that waits is likely to wait still, to the second."""
        now = time.monotonic()
        if now - self._waits[0] > WAITS_EVERY or job not in self._waits[1]:
            going_on = {admitted: self._load(admitted, now) for admitted in self.admitted}
            waiting = {other: self._load(other, now) for other in self.waiting}
            self._waits = now, dict(zip(waiting, expected_waits(going_on, waiting, self.has_room), strict=True))
        seconds = self._waits[1].get(job)
        return None if seconds is None else float(round(seconds))

    def _load(self, job: Job, now: float) -> Load:
        """What is still to come of a run, by what it was expected to cost and what it has really cost so far."""
        frame, ticket = job.frame, job.control.turn()
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
        if spent > 0 and isinstance(ticket, Ticket):
            left *= ticket.seconds / spent
        return Load(left, job.weight, until)


@dataclass(frozen=True)
class Load:
    """What is still to come of a run: device seconds, infinite where nobody knows.

    Attributes:
        weight: 0 while it takes no turns.
        until: seconds after which it ends in any case.
    """

    seconds: float
    weight: float = 1.0
    until: float = math.inf


def expected_waits(
    going_on: Mapping[Key, Load], waiting: Mapping[Key, Load], has_room: Callable[[Collection[Key], Key], bool]
) -> list[float | None]:
    """Seconds until each of those who wait begins, if the device is shared fairly and nobody overtakes.

    Args:
        waiting: in order.
        has_room: whether one may begin beside those given.

    Returns:
        None from the first on for whom nobody can say.
    """
    present = {key: [load.seconds, load.until] for key, load in going_on.items()}
    loads = {**going_on, **waiting}
    now, found = 0.0, list[float | None]()
    for key, load in waiting.items():
        while not has_room(present.keys(), key):
            weights = sum(loads[other].weight for other in present)
            rates = {other: loads[other].weight / weights if weights else 0.0 for other in present}
            ends = {
                other: min(left / rates[other] if rates[other] else math.inf, until - now)
                for other, (left, until) in present.items()
            }
            first = min(ends, key=lambda other: ends[other], default=None)
            if first is None or math.isinf(ends[first]):
                return found + [None] * (len(waiting) - len(found))
            passing = max(0.0, ends[first])
            for other, left in present.items():
                left[0] -= passing * rates[other]
            now += passing
            del present[first]
        found.append(now)
        present[key] = [load.seconds, now + load.until]
    return found
