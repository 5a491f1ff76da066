"""Memory for short work that many may ask for at once: few work at a time, the others wait in the order they came.

Decoding pictures is such work (playground/images/load.py): a file of 200 kB may unpack to hundreds of megabytes. A server
takes the room out of what it admits runs up to (playground/service/jobs.py). It knows nothing of what the memory is for.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Crowded(Exception):  # noqa: N818 (whoever asked may try again)
    """Whoever came before did not make room in time."""


class Room:
    """So much memory, shared by whoever asks for a part of it; thread-safe.

    Args:
        megabytes: for all together. Who needs more than that works alone.
        seconds: that one waits at most.
    """

    def __init__(self, megabytes: float, seconds: float = 60.0) -> None:
        self.megabytes, self.seconds = megabytes, seconds
        self._news, self._queue = threading.Condition(), deque[object]()
        self._shares: dict[object, float] = {}

    @property
    def taken_megabytes(self) -> float:
        """What is taken now."""
        return sum(self._shares.values())

    @contextmanager
    def share(self, megabytes: float) -> Iterator[None]:
        """A part of the room while the block lasts.

        Raises:
            Crowded: it did not come free in time.
        """
        ticket = object()
        with self._news:
            self._queue.append(ticket)
            try:
                if not self._news.wait_for(lambda: self._queue[0] is ticket and self._fits(megabytes), self.seconds):
                    raise Crowded
                self._shares[ticket] = megabytes
            finally:
                self._queue.remove(ticket)
                self._news.notify_all()
        try:
            yield
        finally:
            with self._news:
                del self._shares[ticket]
                self._news.notify_all()

    def _fits(self, megabytes: float) -> bool:
        return not self._shares or self.taken_megabytes + megabytes <= self.megabytes
