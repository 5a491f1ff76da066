"""Memory for short work that many may ask for at once: few work at a time, and whoever waits takes turns with the others.

Decoding pictures is such work (playground/images/load.py): a file of 200 kB may unpack to hundreds of megabytes. A server
takes the room out of what it admits runs up to (playground/service/jobs.py) and says on whose account each work is done
(playground/web/app_server.py). The room knows neither people nor what its memory is for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

SMALL, SMALL_PART = 1 / 16, 1 / 8  # of the room: what small work takes at most, and what is kept free for all of it
MAX_WAITING = 8  # works of one account; each holds a thread while it waits
MAX_KNOWN = 1000  # accounts whose last turn is remembered


class Crowded(Exception):  # noqa: N818 (whoever asked may try again)
    """Whoever came before did not make room in time, or too much of the same account waits already."""


@dataclass(eq=False)
class _Work:
    """Somebody's work that waits or goes on: what it takes, in MiB."""

    account: str
    megabytes: float


class _Turns:
    """Works that share one part of the room, an account after the other: start-time fair queueing by what each takes.

    Whoever floods the room waits behind everybody who does not.
    """

    def __init__(self) -> None:
        self.waiting: list[_Work] = []  # in order of arrival
        self.going_on: set[_Work] = set()
        self._had: dict[str, float] = {}  # of the megabytes, by account, up to where its next work begins
        self._now = 0.0  # where the last work began

    @property
    def taken(self) -> float:
        return sum(work.megabytes for work in self.going_on)

    def is_next(self, work: _Work, megabytes: float) -> bool:
        """Whether it is the turn of a work, and it fits; alone it always does.

        Args:
            megabytes: of this part of the room.
        """
        first = min(self.waiting, key=lambda other: self._start(other.account))  # the first to come among equals
        return first is work and (not self.going_on or self.taken + work.megabytes <= megabytes)

    def begin(self, work: _Work) -> None:
        self._now = start = self._start(work.account)
        if len(self._had) > MAX_KNOWN:
            self._had = {account: had for account, had in self._had.items() if had > start}
        self._had[work.account] = start + work.megabytes
        self.going_on.add(work)

    def _start(self, account: str) -> float:
        return max(self._now, self._had.get(account, 0.0))


class Room:
    """So much memory, shared by whoever asks for a part of it; thread-safe.

    Args:
        megabytes: for all together. Who needs more than that works alone, but for what is small.
        seconds: that one waits at most.

    Attributes:
        account: on whose account a work is that begins in the current context; "" is nobody's in particular.
    """

    def __init__(self, megabytes: float, seconds: float = 60.0) -> None:
        self.megabytes, self.seconds = megabytes, seconds
        self.account: Callable[[], str] = str
        self._news = threading.Condition()
        self._small, self._large = _Turns(), _Turns()

    @property
    def taken_megabytes(self) -> float:
        """What is taken now."""
        return self._small.taken + self._large.taken

    @property
    def waiting(self) -> int:
        """How many works wait."""
        return len(self._small.waiting) + len(self._large.waiting)

    @contextmanager
    def take(self, megabytes: float) -> Iterator[None]:
        """A part of the room while the block lasts.

        Raises:
            Crowded: it did not come free in time, or too much of this account waits.
        """
        small = megabytes <= SMALL * self.megabytes
        turns, part = (self._small, SMALL_PART) if small else (self._large, 1 - SMALL_PART)
        work = _Work(self.account(), megabytes)
        with self._news:
            if work.account and sum(other.account == work.account for other in turns.waiting) >= MAX_WAITING:
                raise Crowded
            turns.waiting.append(work)
            try:
                if not self._news.wait_for(lambda: turns.is_next(work, part * self.megabytes), self.seconds):
                    raise Crowded
                turns.begin(work)
            finally:
                turns.waiting.remove(work)
                self._news.notify_all()
        try:
            yield
        finally:
            with self._news:
                turns.going_on.remove(work)
                self._news.notify_all()
