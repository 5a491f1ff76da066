"""Turns on one device: several runs paint beside each other, one evaluation at a time, each by its ticket.

Start-time fair queueing: whoever has used the least device time for its weight goes next, so that a large picture does
not hold small ones up, and nobody starves. Made by jobs.py; a run works in its turns through its control. It knows neither
runs nor who waits to begin: that is admission.py's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from weakref import WeakSet

Made = TypeVar("Made")

KEPT_SECONDS = 0.02  # a run needs about a millisecond between two evaluations, and more where it shows a picture
CREDIT_SECONDS = 1.0  # of device time that a run which was away may claim before the others
MIN_SECONDS = 1e-6  # of a turn: none is free, or a clock that stands still would let one run go for ever


class Ticket:
    """A claim on the device; `with ticket:` waits for its turn and holds it, `do` also works in it. For one thread at a time.

    Attributes:
        weight: how many ordinary tickets it counts for.
        seconds: of the device that it has had.
        tag: those that count, for a weight of one, from where it joined the others; the least goes next. None before its
            first turn.
    """

    def __init__(self, scheduler: Scheduler, weight: float) -> None:
        self.weight, self.seconds = weight, 0.0
        self.tag: float | None = None
        self.left = 0.0  # the moment when its last turn ended
        self.prompt = False  # whether it came back soon the last time
        self._scheduler = scheduler
        # Seconds of the processor that the work of this turn has taken, where they count.
        self._worked: float | None = None
        self._called = threading.Condition(scheduler.mutex)

    def __enter__(self) -> Ticket:
        queue = self._scheduler.queue
        with self._called:
            queue.ask(self, time.perf_counter())
            while not queue.has(self):
                self._called.wait(queue.patience(time.perf_counter()))
                self._call(queue.look(time.perf_counter()))
        return self

    def __exit__(self, *_exception: object) -> None:
        with self._called:
            self._call(self._scheduler.queue.give_back(time.perf_counter(), self._worked))
            self._worked = None

    def do(self, work: Callable[[], Made]) -> Made:
        """Wait for a turn and work in it; what the work gives. Not from within such work."""

        def timed() -> Made:
            began = time.thread_time()
            try:
                return work()
            finally:
                self._worked = time.thread_time() - began

        with self:
            return self._scheduler.worker.submit(timed if self._scheduler.on_processor else work).result()

    def _call(self, ticket: Ticket | None) -> None:
        if ticket is not None and ticket is not self:
            ticket._called.notify()


class Queue:
    """Who has the device and who goes next. Pure arithmetic, told the time; `Ticket` adds the waiting.

    A run asks again only after it has given its turn back. Were the device handed over at once, two runs would always
    alternate, whatever their evaluations cost; so it is kept for a moment for whoever is behind, on its account.
    """

    def __init__(self) -> None:
        self.members: WeakSet[Ticket] = WeakSet()
        self.waiting: list[Ticket] = []  # in order of arrival
        self.holder: Ticket | None = None
        self.kept_until: float | None = None  # set while the holder is between two turns
        self.virtual = 0.0  # the tag that newcomers start with
        self._since = 0.0  # the moment up to which the holder was charged

    def has(self, ticket: Ticket) -> bool:
        """Whether it is this one's turn."""
        return self.holder is ticket and self.kept_until is None

    def ask(self, ticket: Ticket, now: float) -> None:
        """Take the device, or a place in the queue."""
        if self.kept_until is not None:
            self._charge(now)
            if now >= self.kept_until and not self.waiting:
                self.holder = self.kept_until = None
        ticket.prompt = ticket.tag is not None and now - ticket.left <= KEPT_SECONDS
        if ticket.tag is None:
            ticket.tag = self.virtual
        elif ticket is not self.holder:
            ticket.tag = max(ticket.tag, self.virtual - CREDIT_SECONDS)
        free = self.holder is None
        if self.kept_until is not None:
            free = ticket is self.holder or _tag(ticket) < min(map(_tag, [self.holder, *self.waiting]))
        if free:
            self._grant(ticket, now)
        else:
            self.waiting.append(ticket)

    def give_back(self, now: float, worked: float | None = None) -> Ticket | None:
        """End the holder's turn; whom to wake: the one whose turn it is, or who watches over a device that is kept.

        Args:
            worked: seconds that the turn counts for where it was held up by others; by default all that it has lasted.
        """
        ticket = self._charge(now, worked)
        ticket.left = now
        first = min(self.waiting, key=_tag, default=None)
        if ticket.prompt and (first is None or _tag(ticket) < _tag(first)):
            self.kept_until = now + KEPT_SECONDS
            return first
        if first is None:
            self.holder = None
            return None
        return self._next(now)

    def look(self, now: float) -> Ticket | None:
        """Whose turn it is by now, where the device was kept for somebody who has not come back; else None."""
        if self.kept_until is None or now < self.kept_until or not self.waiting:
            return None
        self._charge(now)
        return self._next(now)

    def patience(self, now: float) -> float | None:
        """Seconds until `look` may find something; None where the next turn begins with somebody's call."""
        return None if self.kept_until is None else max(0.0, self.kept_until - now)

    def _next(self, now: float) -> Ticket:
        ticket = min(self.waiting, key=_tag)  # the first to come among equals
        self.waiting.remove(ticket)
        self._grant(ticket, now)
        return ticket

    def _grant(self, ticket: Ticket, now: float) -> None:
        self.holder, self.kept_until, self._since = ticket, None, now
        self.virtual = max(self.virtual, _tag(ticket))

    def _charge(self, now: float, worked: float | None = None) -> Ticket:
        """Put the time since the last charge on the holder's account, or what it has worked of that time."""
        ticket = self.holder
        assert ticket is not None
        until = now if self.kept_until is None else min(now, self.kept_until)
        seconds = max(MIN_SECONDS, until - self._since)
        ticket.seconds += seconds
        counted = seconds if worked is None else min(seconds, max(MIN_SECONDS, worked))
        ticket.tag = _tag(ticket) + counted / ticket.weight
        # Even where nobody's tag is reached: else a stream of newcomers could keep everybody else waiting for ever.
        self.virtual += counted / sum(member.weight for member in self.members)
        self._since = now
        return ticket


def _tag(ticket: Ticket | None) -> float:
    assert ticket is not None
    assert ticket.tag is not None
    return ticket.tag


class Scheduler:
    """The turns of one device. Thread-safe; nobody polls, and an idle device costs nothing.

    One thread does everybody's work: each that calculates has helpers of its own, which would have to be woken at every
    change of turns. Thirty runs together are a tenth faster for it.

    Args:
        device: where it is the processor, a turn counts for the time that its thread was given of it. Whoever had theirs
            while something else held the machine up would else wait until everybody has had as much: with thirty others
            half a second becomes fifteen.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.on_processor = device == "cpu"
        self.mutex = threading.Lock()
        self.queue = Queue()
        self.worker = ThreadPoolExecutor(1, "turns")

    @property
    def busy(self) -> bool:
        """Whether anybody has a turn or waits for one."""
        with self.mutex:
            queue = self.queue
            return bool(queue.waiting) or (queue.holder is not None and queue.kept_until is None)

    def ticket(self, weight: float = 1.0) -> Ticket:
        """A new claim, which counts for `weight` ordinary ones for as long as somebody holds it."""
        ticket = Ticket(self, weight)
        with self.mutex:
            self.queue.members.add(ticket)
        return ticket
